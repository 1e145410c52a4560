from drivers import driver


@driver("lib-queue_room")
def test_queue_room(run):
    run()
