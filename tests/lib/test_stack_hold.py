from drivers import driver


@driver("lib-stack_hold")
def test_stack_hold(run):
    run()
