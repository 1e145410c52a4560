from drivers import driver


@driver("lib-table")
def test_table(run):
    run()


@driver("lib-table_one")
def test_table_with_one_writer(run):
    run()
