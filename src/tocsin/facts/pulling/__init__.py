"""Pulling customer data from where it lies: tables of another database by SELECTs, folders of files. Knows no Django."""
