"""Files into the store: `import_paths` is the one door for customer data from files."""

from tocsin.facts.importing.run import import_paths
from tocsin.facts.report import CollectionReport, ImportReport

__all__ = ["CollectionReport", "ImportReport", "import_paths"]
