from drivers import driver


@driver("lib-string")
def test_string(run):
    run()


@driver("lib-string_one")
def test_string_with_one_writer(run):
    run()


@driver("lib-string_wait")
def test_string_wait(run):
    run()


@driver("lib-string_wait_one")
def test_string_wait_with_one_writer(run):
    run()
