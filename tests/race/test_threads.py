from drivers import driver


@driver("race-threads")
def test_threads(run):
    run()
