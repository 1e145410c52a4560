from drivers import driver


@driver("lib-reference")
def test_reference(run):
    run()
