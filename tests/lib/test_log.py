from drivers import driver


@driver("lib-log")
def test_log(run):
    run()
