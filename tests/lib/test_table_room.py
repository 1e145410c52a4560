from drivers import driver


@driver("lib-table_room")
def test_table_room(run):
    run()


@driver("lib-table_room_one")
def test_table_room_with_one_writer(run):
    run()
