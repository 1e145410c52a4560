from drivers import driver


@driver("lib-spsc_hold")
def test_spsc_hold(run):
    run()
