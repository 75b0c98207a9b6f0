"""What Qt itself says: its file dialogs, its buttons, the menus of its fields, its names of months and days."""

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from mulberry.model.language import ENGLISH, english, spoken, tr

OF_BUTTONS = (tr("OK"), tr("Cancel"), tr("Close"), tr("Save"), tr("Open"))
OF_FIELDS = (tr("&Undo"), tr("&Redo"), tr("Cu&t"), tr("&Copy"), tr("&Paste"), tr("Delete"), tr("Select All"))
OF_FILES = (
    *(tr("&Look in:"), tr("File &name:"), tr("Files of &type:"), tr("All Files (*)")),
    *(tr("&Open"), tr("&Save"), tr("&Choose"), tr("Directory:"), tr("Directories")),
    *(tr("Back"), tr("Forward"), tr("Parent Directory"), tr("Create New Folder"), tr("List View"), tr("Detail View")),
    *(tr("Computer"), tr("Drive"), tr("Folder"), tr("Name"), tr("Size"), tr("Type"), tr("Date Modified")),
)

OWN_WORDS = {english(words): words for words in (*OF_BUTTONS, *OF_FIELDS, *OF_FILES)}


class OwnWords(QTranslator):
    """Of our catalogues, for languages in which Qt has none or not all of its texts."""

    def isEmpty(self) -> bool:
        return False  # or Qt does not install it

    def translate(self, context: str, text: str, disambiguation: str | None = None, count: int = -1) -> str | None:
        """None: in no words of ours."""
        del context, disambiguation, count
        return OWN_WORDS.get(text)


def speak(application: QCoreApplication) -> None:
    """Lets Qt speak the language of this process: in its own words where it has them, else in ours."""
    QLocale.setDefault(QLocale(spoken()))
    if spoken() == ENGLISH:
        return
    application.installTranslator(OwnWords(application))
    words = QTranslator(application)
    if words.load(f"qtbase_{spoken()}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        application.installTranslator(words)  # the newest is asked first
