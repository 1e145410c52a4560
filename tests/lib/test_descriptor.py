from drivers import driver


@driver("lib-descriptor")
def test_descriptor(run):
    run()
