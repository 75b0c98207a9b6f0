; Small programs for trials of the installer (trials.py). Windows' own Python is not needed to try whether a running Mulberry is
; noticed, asked to finish, and waited for. OUT is the program to write, and it is one of these:
;   WINDOW   notes its words in %TEMP%\window.txt and runs until %TEMP%\leave.txt is there
;   COMMAND  notes its words in %TEMP%\asked.txt, and asks the other to leave unless %TEMP%\stubborn.txt is there
;   KEYS     puts items into the Credential Manager; with /LIST it writes the names of all to %TEMP%\keys.txt

Unicode true
Target amd64-unicode
RequestExecutionLevel user
SilentInstall silent
!include LogicLib.nsh
!include FileFunc.nsh
Name "trial"
OutFile "${OUT}"

!macro Note FILE TEXT
  FileOpen $0 "$TEMP\${FILE}" w
  FileWrite $0 "${TEXT}"
  FileClose $0
!macroend

!macro PutKey NAME
  System::Call '*(&w99 "${NAME}")p.r1'
  System::Call '*(&w9 "node")p.r2'
  System::Call '*(i 0, i 1, p r1, p 0, l 0, i 4, i 0, p r2, i 2, i 0, p 0, p 0, p r2)p.r3' ; CREDENTIALW, generic, on this computer
  System::Call 'advapi32::CredWriteW(p r3, i 0)'
!macroend

Section
  ${GetParameters} $9
  !ifdef WINDOW
    !insertmacro Note "window.txt" "$9"
    ${DoUntil} ${FileExists} "$TEMP\leave.txt"
      Sleep 50
    ${Loop}
    Delete "$TEMP\window.txt"
  !else ifdef COMMAND
    !insertmacro Note "asked.txt" "$9"
    ${IfNot} ${FileExists} "$TEMP\stubborn.txt"
      !insertmacro Note "leave.txt" ""
    ${EndIf}
  !else
    ${If} $9 == "/LIST"
      FileOpen $8 "$TEMP\keys.txt" w
      System::Call 'advapi32::CredEnumerateW(p 0, i 0, *i .r0, *p .r1)'
      ${While} $0 > 0
        System::Call '*$1(p.r2)'
        System::Call '*$2(i, i, w.r3)'
        FileWrite $8 "$3$\r$\n"
        IntPtrOp $1 $1 + ${NSIS_PTR_SIZE}
        IntOp $0 $0 - 1
      ${EndWhile}
      FileClose $8
    ${Else}
      !insertmacro PutKey "Mulberry node wallet"
      !insertmacro PutKey "mainnet@Mulberry node wallet"
      !insertmacro PutKey "another program"
    ${EndIf}
  !endif
SectionEnd
