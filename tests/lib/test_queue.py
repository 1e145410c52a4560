from drivers import driver


@driver("lib-queue")
def test_queue(run):
    run()
