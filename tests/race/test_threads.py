from drivers import driver


@driver("race-threads")
def test_threads(run):
    run()


@driver("race-threads_string")
def test_threads_of_a_string(run):
    run()


@driver("race-threads_bag")
def test_threads_of_a_stack_and_of_a_list(run):
    run()
