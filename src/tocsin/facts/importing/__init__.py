"""Files into the store: `import_paths` for what a person gives, `import_sources` and `import_tables` for what is pulled."""

from tocsin.facts.importing.full import ShrunkError
from tocsin.facts.importing.open_files import Table
from tocsin.facts.importing.run import import_paths, import_sources, import_tables
from tocsin.facts.report import CollectionReport, ImportReport

__all__ = ["CollectionReport", "ImportReport", "ShrunkError", "Table", "import_paths", "import_sources", "import_tables"]
