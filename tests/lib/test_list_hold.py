from drivers import driver


@driver("lib-list_hold")
def test_list_hold(run):
    run()
