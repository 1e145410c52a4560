from drivers import driver


@driver("lib-spsc")
def test_spsc(run):
    run()
