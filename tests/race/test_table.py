from drivers import driver


@driver("race-table")
def test_table(run):
    run()
