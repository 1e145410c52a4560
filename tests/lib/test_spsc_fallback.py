from drivers import driver


@driver("lib-spsc_fallback")
def test_spsc_fallback(run):
    run()
