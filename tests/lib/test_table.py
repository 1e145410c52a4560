from drivers import driver


@driver("lib-table")
def test_table(run):
    run()
