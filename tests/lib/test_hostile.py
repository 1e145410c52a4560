from drivers import driver


@driver("lib-hostile")
def test_hostile(run):
    run()
