; What the installer says, in the languages that Mulberry speaks. A Windows in any other language gets English.

!macro Say NAME ENGLISH GERMAN INDONESIAN RUSSIAN
  LangString ${NAME} ${LANG_ENGLISH} "${ENGLISH}"
  LangString ${NAME} ${LANG_GERMAN} "${GERMAN}"
  LangString ${NAME} ${LANG_INDONESIAN} "${INDONESIAN}"
  LangString ${NAME} ${LANG_RUSSIAN} "${RUSSIAN}"
!macroend
!define SAY "!insertmacro Say"

${SAY} COMMENT \
  "Lend your NVIDIA GPU and earn Toncoin" \
  "Die eigene NVIDIA-Grafikkarte verleihen und Toncoin verdienen" \
  "Pinjamkan GPU NVIDIA Anda dan dapatkan Toncoin" \
  "Сдавайте видеокарту NVIDIA и зарабатывайте Toncoin"

${SAY} WELCOME \
  "Mulberry lends your NVIDIA GPU to Cocoon, an AI network on TON, and earns Toncoin.$\r$\n$\r$\nOn Windows, this version works for the demo network only: a network of its own on this computer, with real requests and play money. There is no sandbox for strangers' jobs on Windows yet, and without one Mulberry takes none.$\r$\n$\r$\nIt is installed for you alone, without administrator's rights. Nothing starts when you log in unless you switch that on in Mulberry's settings." \
  "Mulberry verleiht Ihre NVIDIA-Grafikkarte an Cocoon, ein KI-Netzwerk auf TON, und verdient Toncoin.$\r$\n$\r$\nUnter Windows arbeitet diese Version nur für das Demo-Netzwerk: ein eigenes Netzwerk auf diesem Computer, mit echten Anfragen und Spielgeld. Für Aufträge von Fremden gibt es unter Windows noch keine Sandbox, und ohne sie nimmt Mulberry keine an.$\r$\n$\r$\nMulberry wird nur für Sie installiert, ohne Administratorrechte. Beim Anmelden startet nichts, solange Sie das nicht in Mulberrys Einstellungen einschalten." \
  "Mulberry meminjamkan GPU NVIDIA Anda ke Cocoon, jaringan AI di TON, dan mendapatkan Toncoin.$\r$\n$\r$\nDi Windows, versi ini hanya bekerja untuk jaringan demo: jaringan tersendiri di komputer ini, dengan permintaan sungguhan dan uang mainan. Belum ada sandbox untuk pekerjaan orang asing di Windows, dan tanpa itu Mulberry tidak menerimanya.$\r$\n$\r$\nMulberry dipasang hanya untuk Anda, tanpa hak administrator. Tidak ada yang berjalan saat Anda masuk, kecuali Anda menyalakannya di pengaturan Mulberry." \
  "Mulberry сдаёт вашу видеокарту NVIDIA сети Cocoon — сети ИИ на TON — и зарабатывает Toncoin.$\r$\n$\r$\nВ Windows эта версия работает только с демонстрационной сетью: отдельной сетью на этом компьютере, с настоящими запросами и игрушечными деньгами. Песочницы для чужих заданий в Windows пока нет, а без неё Mulberry их не принимает.$\r$\n$\r$\nПрограмма устанавливается только для вас, права администратора не нужны. При входе в систему ничего не запускается, пока вы не включите это в настройках Mulberry."

${SAY} LICENCE_TITLE \
  "Licence" \
  "Lizenz" \
  "Lisensi" \
  "Лицензия"

${SAY} LICENCE_WHAT \
  "Mulberry is free software. These are its terms for whoever passes it on or changes it." \
  "Mulberry ist freie Software. Dies sind die Bedingungen für alle, die sie weitergeben oder ändern." \
  "Mulberry adalah perangkat lunak bebas. Inilah syarat bagi siapa pun yang menyebarkan atau mengubahnya." \
  "Mulberry — свободная программа. Это условия для тех, кто её распространяет или изменяет."

${SAY} LICENCE_NOT_NEEDED \
  "To use Mulberry you need not agree to anything." \
  "Um Mulberry zu benutzen, müssen Sie nichts zustimmen." \
  "Untuk memakai Mulberry, Anda tidak perlu menyetujui apa pun." \
  "Чтобы пользоваться Mulberry, соглашаться ни с чем не нужно."

${SAY} NEEDS_WINDOWS \
  "Mulberry needs 64-bit Windows 10, version 1809, or newer. Nothing was installed." \
  "Mulberry braucht ein 64-Bit-Windows 10, Version 1809, oder neuer. Es wurde nichts installiert." \
  "Mulberry membutuhkan Windows 10 64-bit versi 1809 atau yang lebih baru. Tidak ada yang dipasang." \
  "Для Mulberry нужна 64-разрядная Windows 10 версии 1809 или новее. Ничего не установлено."

${SAY} FOREIGN_FOLDER \
  "In $INSTDIR lies a folder $\"program$\" that is not Mulberry's. Choose another folder; nothing was changed." \
  "In $INSTDIR liegt ein Ordner $\"program$\", der nicht zu Mulberry gehört. Wählen Sie einen anderen Ordner; es wurde nichts geändert." \
  "Di $INSTDIR ada folder $\"program$\" yang bukan milik Mulberry. Pilih folder lain; tidak ada yang diubah." \
  "В $INSTDIR есть папка $\"program$\", не принадлежащая Mulberry. Выберите другую папку; ничего не изменено."

${SAY} IS_ELSEWHERE \
  "Mulberry is installed in $0. Choose that folder, or uninstall it there first; nothing was changed." \
  "Mulberry ist in $0 installiert. Wählen Sie diesen Ordner oder deinstallieren Sie es dort zuerst; es wurde nichts geändert." \
  "Mulberry terpasang di $0. Pilih folder itu, atau hapus dari sana dulu; tidak ada yang diubah." \
  "Mulberry установлен в $0. Выберите эту папку или сначала удалите его там; ничего не изменено."

${SAY} NEWER_IS_INSTALLED \
  "A newer Mulberry ($1) is installed in $INSTDIR. An older one may not understand what it has stored, so nothing was changed." \
  "In $INSTDIR ist ein neueres Mulberry ($1) installiert. Ein älteres versteht vielleicht nicht, was es gespeichert hat; darum wurde nichts geändert." \
  "Mulberry yang lebih baru ($1) terpasang di $INSTDIR. Versi lama mungkin tidak memahami data yang disimpannya, jadi tidak ada yang diubah." \
  "В $INSTDIR установлена более новая версия Mulberry ($1). Старая может не понять её данные, поэтому ничего не изменено."

${SAY} CANNOT_WRITE \
  "Nothing can be written to $INSTDIR. Choose a folder of your own." \
  "In $INSTDIR kann nichts geschrieben werden. Wählen Sie einen eigenen Ordner." \
  "Tidak dapat menulis ke $INSTDIR. Pilih folder milik Anda sendiri." \
  "Запись в $INSTDIR невозможна. Выберите свою собственную папку."

${SAY} NO_ROOM \
  "There is not enough room on the disk of $INSTDIR: ${MEGABYTES} MB are needed, $1 MB are free. Nothing was changed." \
  "Auf dem Datenträger von $INSTDIR ist zu wenig Platz: ${MEGABYTES} MB werden gebraucht, $1 MB sind frei. Es wurde nichts geändert." \
  "Ruang disk untuk $INSTDIR tidak cukup: dibutuhkan ${MEGABYTES} MB, tersedia $1 MB. Tidak ada yang diubah." \
  "На диске с $INSTDIR мало места: нужно ${MEGABYTES} МБ, свободно $1 МБ. Ничего не изменено."

${SAY} NOT_ALL_WRITTEN \
  "Not everything could be written to $INSTDIR. If Mulberry was installed there, it is as it was before." \
  "Nicht alles konnte in $INSTDIR geschrieben werden. Falls Mulberry dort installiert war, ist es wieder wie zuvor." \
  "Tidak semuanya dapat ditulis ke $INSTDIR. Jika Mulberry sudah terpasang di sana, keadaannya kembali seperti semula." \
  "Не всё удалось записать в $INSTDIR. Если Mulberry там уже был установлен, он остался прежним."

${SAY} RUNS \
  "Mulberry is running. It can complete the requests that run, which takes five minutes at most, and end; what it has earned stays.$\r$\n$\r$\nHave it finish and go on?" \
  "Mulberry läuft. Es kann die laufenden Anfragen abschließen, was höchstens fünf Minuten dauert, und sich beenden; das Verdiente bleibt.$\r$\n$\r$\nSoll es abschließen, und geht es dann weiter?" \
  "Mulberry sedang berjalan. Mulberry dapat menyelesaikan permintaan yang berjalan, paling lama lima menit, lalu berakhir; penghasilannya tetap ada.$\r$\n$\r$\nBiarkan selesai lalu lanjutkan?" \
  "Mulberry работает. Он может завершить текущие запросы (не более пяти минут) и закрыться; заработанное сохранится.$\r$\n$\r$\nЗавершить и продолжить?"

${SAY} FINISHING \
  "Mulberry completes the requests that run…" \
  "Mulberry schließt die laufenden Anfragen ab…" \
  "Mulberry menyelesaikan permintaan yang berjalan…" \
  "Mulberry завершает текущие запросы…"

${SAY} STILL_RUNS \
  "Mulberry still runs from $INSTDIR. Quit it by its icon beside the clock, then try again." \
  "Mulberry läuft noch aus $INSTDIR. Beenden Sie es über sein Symbol neben der Uhr und versuchen Sie es noch einmal." \
  "Mulberry masih berjalan dari $INSTDIR. Akhiri melalui ikonnya di samping jam, lalu coba lagi." \
  "Mulberry всё ещё работает из $INSTDIR. Закройте его через значок рядом с часами и повторите попытку."

${SAY} CANCELLED \
  "Nothing was changed." \
  "Es wurde nichts geändert." \
  "Tidak ada yang diubah." \
  "Ничего не изменено."

${SAY} GETTING_READY \
  "Getting ready for the first start…" \
  "Der erste Start wird vorbereitet…" \
  "Menyiapkan jalan pertama…" \
  "Подготовка к первому запуску…"

${SAY} KEEP_TITLE \
  "What should stay?" \
  "Was soll bleiben?" \
  "Apa yang tetap disimpan?" \
  "Что оставить?"

${SAY} KEEP_SUBTITLE \
  "The program goes; what it has stored need not." \
  "Das Programm geht; was es gespeichert hat, kann bleiben." \
  "Programnya dihapus; yang disimpannya boleh tetap ada." \
  "Программа удаляется; её данные могут остаться."

${SAY} KEEP_WHAT \
  "Mulberry is removed from $INSTDIR. What stays is used again if you install it once more." \
  "Mulberry wird aus $INSTDIR entfernt. Was bleibt, wird wieder benutzt, wenn Sie es noch einmal installieren." \
  "Mulberry dihapus dari $INSTDIR. Yang tetap ada akan dipakai lagi jika Anda memasangnya kembali." \
  "Mulberry удаляется из $INSTDIR. То, что останется, пригодится при повторной установке."

${SAY} KEEP_DATA \
  "Keep earnings, settings, imported models and logs" \
  "Verdienste, Einstellungen, importierte Modelle und Protokolle behalten" \
  "Simpan penghasilan, pengaturan, model yang diimpor, dan log" \
  "Оставить заработок, настройки, импортированные модели и журналы"

${SAY} KEEP_KEYS \
  "Keep the keys of the node wallets" \
  "Die Schlüssel der Node-Wallets behalten" \
  "Simpan kunci dompet node" \
  "Оставить ключи кошельков узла"

${SAY} KEYS_ARE_MONEY \
  "They lie in Windows' Credential Manager and beside the data. Whoever has no backup of a key can no longer pay out what that wallet holds." \
  "Sie liegen in der Windows-Anmeldeinformationsverwaltung und bei den Daten. Wer keine Sicherung eines Schlüssels hat, kann nicht mehr auszahlen, was das Wallet enthält." \
  "Kunci ada di Pengelola Kredensial Windows dan di samping data. Tanpa cadangan kunci, isi dompet itu tidak dapat lagi dibayarkan." \
  "Они лежат в диспетчере учётных данных Windows и рядом с данными. Без резервной копии ключа вывести деньги с кошелька будет нельзя."

${SAY} REALLY_KEYS \
  "Remove the keys of the node wallets for good? Without a backup, the money on these wallets may be lost." \
  "Die Schlüssel der Node-Wallets endgültig entfernen? Ohne Sicherung kann das Geld auf diesen Wallets verloren sein." \
  "Hapus kunci dompet node untuk selamanya? Tanpa cadangan, uang di dompet tersebut bisa hilang." \
  "Удалить ключи кошельков узла навсегда? Без резервной копии деньги на них могут быть потеряны."
