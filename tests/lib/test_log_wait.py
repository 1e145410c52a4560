from drivers import driver


@driver("lib-log_wait")
def test_log_wait(run):
    run()
