from drivers import driver


@driver("lib-stack")
def test_stack(run):
    run()
