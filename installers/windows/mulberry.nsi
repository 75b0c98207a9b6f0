; Mulberry's installer for Windows: for one user, without administrator's rights. Made by build.py, which defines
;   VERSION, NUMBER   the version as people and as Windows read it       KILOBYTES   what it takes on the disk
;   MEGABYTES         the same in others, rounded up                     SETUP       the installer to write
;   PROGRAM           the folder to install (tree.py)
;   WORK              the folder of side.bmp, files.nsh, licence.txt     TRIAL       there where it has no Python
;   DRAFT             there where it should be packed quickly
;
; All of the program lies in one folder, $INSTDIR\program; while unfinished.txt is in it, it is not whole. An upgrade renames the
; old one, unpacks the new one and removes the old; where that fails or is cut off, the old one comes back. What Mulberry stores
; (earnings, settings, models, keys) lies in %LOCALAPPDATA%\mulberry and in the Credential Manager, and only the uninstaller
; touches it, when its owner says so.
;
; Silent: /S [/RESTART] [/D=folder, the last word, without quotes]. /RESTART opens the window in the tray afterwards, and with it
; the agent; an update asks for that. What went wrong is in %TEMP%\mulberry-setup.log, and the exit code says:
;   1 cancelled    3 a newer version is installed    4 Mulberry runs and did not end    5 the folder cannot be used
;   6 Windows is too old    7 the disk is too full    8 something could not be written; the old version is back

Unicode true
Target amd64-unicode
!ifdef DRAFT
  SetCompressor zlib
!else
  SetCompressor /SOLID lzma
  SetCompressorDictSize 64
!endif
RequestExecutionLevel user
ManifestDPIAware true
ManifestSupportedOS Win10
AllowSkipFiles off
CRCCheck force

!include LogicLib.nsh
!include FileFunc.nsh
!include WordFunc.nsh
!include WinVer.nsh
!include x64.nsh
!include nsDialogs.nsh
!include MUI2.nsh
!include "${__FILEDIR__}/shortcut.nsh"
!include "${__FILEDIR__}/running.nsh"
!include "${__FILEDIR__}/stored.nsh"

!define NEWER_INSTALLED 3
!define STILL_RUNNING 4
!define BAD_FOLDER 5
!define OLD_WINDOWS 6
!define FULL_DISK 7
!define NOT_WRITTEN 8
!define APP_ID "org.mulberry.Mulberry" ; as the running window says it is, so that Windows shows both as one
!define UNINSTALL_KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Mulberry"
!define OWN_KEY "Software\Mulberry"
!define RUN_KEY "Software\Microsoft\Windows\CurrentVersion\Run"
!define APPROVED_KEY "Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
!define RUN_VALUE "mulberry" ; as mulberry.client.autostart writes it
!define OLDEST_WINDOWS_BUILD 17763 ; Windows 10, version 1809: Qt's own limit

Name "Mulberry"
OutFile "${SETUP}"
BrandingText "Mulberry ${VERSION}"
InstallDir "$LOCALAPPDATA\Programs\Mulberry"
InstallDirRegKey HKCU "${OWN_KEY}" "Folder"

VIProductVersion "${NUMBER}"
VIAddVersionKey /LANG=1033 "ProductName" "Mulberry"
VIAddVersionKey /LANG=1033 "FileDescription" "Mulberry installer"
VIAddVersionKey /LANG=1033 "FileVersion" "${VERSION}"
VIAddVersionKey /LANG=1033 "ProductVersion" "${VERSION}"
VIAddVersionKey /LANG=1033 "LegalCopyright" "Apache License 2.0"

Var Problem ; what keeps us from it, "" for nothing
Var ExitCode
Var Restarts

!define MUI_ICON "${PROGRAM}/mulberry.ico"
!define MUI_UNICON "${PROGRAM}/mulberry.ico"
!define MUI_WELCOMEFINISHPAGE_BITMAP "${WORK}/side.bmp"
!define MUI_ABORTWARNING
!define MUI_WELCOMEPAGE_TEXT "$(WELCOME)"
!insertmacro MUI_PAGE_WELCOME
!define MUI_PAGE_HEADER_TEXT "$(LICENCE_TITLE)"
!define MUI_PAGE_HEADER_SUBTEXT "$(LICENCE_WHAT)"
!define MUI_LICENSEPAGE_TEXT_TOP "$(LICENCE_NOT_NEEDED)"
!define MUI_LICENSEPAGE_TEXT_BOTTOM " "
!define MUI_LICENSEPAGE_BUTTON "$(^NextBtn)"
!insertmacro MUI_PAGE_LICENSE "${WORK}/licence.txt"
!define MUI_PAGE_CUSTOMFUNCTION_LEAVE CheckFolderPage
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!ifndef TRIAL
  !define MUI_FINISHPAGE_RUN
  !define MUI_FINISHPAGE_RUN_FUNCTION StartMulberry
!endif
!insertmacro MUI_PAGE_FINISH
UninstPage custom un.KeepPage un.KeepPageLeave
!insertmacro MUI_UNPAGE_INSTFILES

!insertmacro MUI_LANGUAGE "English" ; the first is for all whose own is not here
!insertmacro MUI_LANGUAGE "German"
!insertmacro MUI_LANGUAGE "Indonesian"
!insertmacro MUI_LANGUAGE "Russian"
!include "${__FILEDIR__}/texts.nsh"

; To say what is wrong, and end

!macro SayAndEnd UN
  Function ${UN}SayAndEnd
    MessageBox MB_OK|MB_ICONSTOP "$Problem" /SD IDOK
    ${If} ${Silent}
      FileOpen $0 "$TEMP\mulberry-setup.log" w
      FileWriteUTF16LE /BOM $0 "$Problem$\r$\n"
      FileClose $0
    ${EndIf}
    SetErrorLevel $ExitCode
    Quit
  FunctionEnd
!macroend
!insertmacro SayAndEnd ""
!insertmacro SayAndEnd "un."

!macro Refuse CODE TEXT
  StrCpy $ExitCode ${CODE}
  StrCpy $Problem "${TEXT}"
!macroend

!insertmacro Running ""
!insertmacro Running "un."

; Installing

Function .onInit
  SetShellVarContext current
  StrCpy $Problem ""
  ${IfNot} ${RunningX64}
  ${OrIfNot} ${AtLeastBuild} ${OLDEST_WINDOWS_BUILD}
    !insertmacro Refuse ${OLD_WINDOWS} "$(NEEDS_WINDOWS)"
    Call SayAndEnd
  ${EndIf}
  StrCpy $Restarts 0
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/RESTART" $1
  ${IfNot} ${Errors}
    StrCpy $Restarts 1
  ${EndIf}
  ClearErrors
FunctionEnd

; Whether it can be installed into $INSTDIR; else $Problem and $ExitCode say why not.
Function CheckFolder
  StrCpy $Problem ""
  ReadRegStr $0 HKCU "${OWN_KEY}" "Folder"
  ${If} $0 != ""
  ${AndIf} $0 != $INSTDIR
  ${AndIf} ${FileExists} "$0\program\version.txt"
    !insertmacro Refuse ${BAD_FOLDER} "$(IS_ELSEWHERE)"
    Return
  ${EndIf}
  Call BringBackWhatWasInterrupted
  ${If} ${FileExists} "$INSTDIR\program\*.*"
    ${IfNot} ${FileExists} "$INSTDIR\program\version.txt"
      !insertmacro Refuse ${BAD_FOLDER} "$(FOREIGN_FOLDER)"
      Return
    ${EndIf}
    FileOpen $0 "$INSTDIR\program\version.txt" r
    FileRead $0 $1
    FileClose $0
    ${VersionCompare} "$1" "${NUMBER}" $2
    ${If} $2 == 1
      ReadRegStr $1 HKCU "${UNINSTALL_KEY}" "DisplayVersion"
      !insertmacro Refuse ${NEWER_INSTALLED} "$(NEWER_IS_INSTALLED)"
      Return
    ${EndIf}
  ${EndIf}
  ClearErrors
  CreateDirectory "$INSTDIR"
  FileOpen $0 "$INSTDIR\mulberry-setup.tmp" w
  ${If} ${Errors}
    !insertmacro Refuse ${BAD_FOLDER} "$(CANNOT_WRITE)"
    Return
  ${EndIf}
  FileClose $0
  Delete "$INSTDIR\mulberry-setup.tmp"
  ${GetRoot} "$INSTDIR" $0
  ${DriveSpace} "$0\" "/D=F /S=M" $1 ; not in kilobytes: NSIS compares 32 bits, and disks have more than 2 TB
  ${If} $1 < ${MEGABYTES}
    RMDir "$INSTDIR"
    !insertmacro Refuse ${FULL_DISK} "$(NO_ROOM)"
  ${EndIf}
FunctionEnd

Function BringBackWhatWasInterrupted
  ${If} ${FileExists} "$INSTDIR\program\unfinished.txt"
    RMDir /r "$INSTDIR\program"
    Rename "$INSTDIR\program.before" "$INSTDIR\program"
    ClearErrors
  ${EndIf}
FunctionEnd

Function CheckFolderPage
  Call CheckFolder
  ${If} $Problem != ""
    MessageBox MB_OK|MB_ICONSTOP "$Problem"
    Abort
  ${EndIf}
FunctionEnd

Section
  SectionIn RO
  Call CheckFolder
  ${If} $Problem != ""
    Call SayAndEnd
  ${EndIf}
  Call EndMulberry
  ${If} $Problem != ""
    Call SayAndEnd
  ${EndIf}

  ${If} ${FileExists} "$INSTDIR\program\version.txt"
    RMDir /r "$INSTDIR\program.before"
    ClearErrors
    Rename "$INSTDIR\program" "$INSTDIR\program.before"
    ${If} ${Errors}
      !insertmacro Refuse ${STILL_RUNNING} "$(STILL_RUNS)"
      Call SayAndEnd
    ${EndIf}
  ${EndIf}

  StrCpy $ExitCode ${NOT_WRITTEN}
  ClearErrors
  CreateDirectory "$INSTDIR\program"
  FileOpen $0 "$INSTDIR\program\unfinished.txt" w
  FileClose $0
  !include "${WORK}/files.nsh"
  SetOutPath "$INSTDIR" ; or the last of its folders stays this process's own, and cannot be renamed
  ${If} ${Errors}
    Abort "$(NOT_ALL_WRITTEN)"
  ${EndIf}
  FileOpen $0 "$INSTDIR\program\version.txt" w
  FileWrite $0 "${NUMBER}"
  FileClose $0
  WriteUninstaller "$INSTDIR\uninstall.exe"
  ${If} ${Errors}
    Abort "$(NOT_ALL_WRITTEN)"
  ${EndIf}
  Delete "$INSTDIR\program\unfinished.txt"
  RMDir /r "$INSTDIR\program.before"
  Call Register
  !ifndef TRIAL
    DetailPrint "$(GETTING_READY)" ; or the first start takes as long
    nsExec::Exec '"$INSTDIR\program\python\python.exe" -m compileall -q "$INSTDIR\program\app" "$INSTDIR\program\packages"'
    Pop $0
  !endif
  StrCpy $ExitCode 0
  ${If} $Restarts == 1
    Exec '"$INSTDIR\program\python\pythonw.exe" -P -m mulberry desktop --hidden'
  ${EndIf}
SectionEnd

Function .onInstFailed
  SetOutPath "$TEMP"
  Call BringBackWhatWasInterrupted
  ${IfNot} ${FileExists} "$INSTDIR\program\*.*"
    Delete "$INSTDIR\uninstall.exe"
    RMDir "$INSTDIR"
  ${EndIf}
  StrCpy $Problem "$(NOT_ALL_WRITTEN)"
  Call SayAndEnd
FunctionEnd

Function Register
  StrCpy $0 "$SMPROGRAMS\Mulberry.lnk"
  CreateShortCut "$0" "$INSTDIR\program\python\pythonw.exe" "-P -m mulberry desktop" "$INSTDIR\program\mulberry.ico" 0 \
    SW_SHOWNORMAL "" "$(COMMENT)"
  !insertmacro SetAppId "$0" "${APP_ID}"
  WriteRegStr HKCU "${OWN_KEY}" "Folder" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayName" "Mulberry"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\program\mulberry.ico"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "Publisher" "The Mulberry maintainers"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "EstimatedSize" ${KILOBYTES}
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoRepair" 1
FunctionEnd

!ifndef TRIAL
  Function StartMulberry
    ExecShell "" "$SMPROGRAMS\Mulberry.lnk"
  FunctionEnd
!endif

; Uninstalling. Silent keeps everything that is stored, unless /REMOVE_DATA and /REMOVE_KEYS say otherwise.

Function un.onInit
  SetShellVarContext current
  StrCpy $RemoveData 0
  StrCpy $RemoveKeys 0
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/REMOVE_DATA" $1
  ${IfNot} ${Errors}
    StrCpy $RemoveData 1
  ${EndIf}
  ClearErrors
  ${GetOptions} $0 "/REMOVE_KEYS" $1
  ${IfNot} ${Errors}
    StrCpy $RemoveKeys 1
  ${EndIf}
  ClearErrors
FunctionEnd

Section un.Mulberry
  Call un.EndMulberry
  ${If} $Problem != ""
    Call un.SayAndEnd
  ${EndIf}
  Call un.ForgetAutostart
  RMDir /r "$INSTDIR\program"
  RMDir /r "$INSTDIR\program.before"
  Delete "$INSTDIR\uninstall.exe"
  SetOutPath "$TEMP"
  RMDir "$INSTDIR" ; only when nothing of others lies in it
  Delete "$SMPROGRAMS\Mulberry.lnk"
  DeleteRegKey HKCU "${UNINSTALL_KEY}"
  DeleteRegKey HKCU "${OWN_KEY}"
  Call un.RemoveStored
SectionEnd

; Of what starts at login, only what would start the program that goes now.
Function un.ForgetAutostart
  ReadRegStr $0 HKCU "${RUN_KEY}" "${RUN_VALUE}"
  StrCpy $1 $0 1
  ${If} $1 == '"'
    StrCpy $0 $0 "" 1
  ${EndIf}
  StrLen $1 "$INSTDIR\program\"
  StrCpy $0 $0 $1
  ${If} $0 == "$INSTDIR\program\"
    DeleteRegValue HKCU "${RUN_KEY}" "${RUN_VALUE}"
    DeleteRegValue HKCU "${APPROVED_KEY}" "${RUN_VALUE}"
  ${EndIf}
FunctionEnd
