"""What Qt itself says: its file dialogs, its names of months and days."""

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from mulberry.model.language import ENGLISH, spoken


def speak(application: QCoreApplication) -> None:
    """Lets Qt speak the language of this process. Qt has none of its texts in Indonesian: those stay English."""
    QLocale.setDefault(QLocale(spoken()))
    if spoken() == ENGLISH:
        return
    words = QTranslator(application)
    if words.load(f"qtbase_{spoken()}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        application.installTranslator(words)
