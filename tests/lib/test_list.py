from drivers import driver


@driver("lib-list")
def test_list(run):
    run()
