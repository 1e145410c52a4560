from drivers import driver


@driver("race-threads")
def test_threads(run):
    run()


@driver("race-threads_string")
def test_threads_of_a_string(run):
    run()


@driver("race-threads_sequence")
def test_threads_of_what_is_pushed_and_popped(run):
    run()
