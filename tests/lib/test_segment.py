from drivers import driver


@driver("lib-segment")
def test_segment(run):
    run()
