"""Files into the store: `import_paths` is the one door for customer data from files, `import_tables` for what was pulled."""

from tocsin.facts.importing.full import ShrunkError
from tocsin.facts.importing.open_files import Table
from tocsin.facts.importing.run import import_paths, import_tables
from tocsin.facts.report import CollectionReport, ImportReport

__all__ = ["CollectionReport", "ImportReport", "ShrunkError", "Table", "import_paths", "import_tables"]
