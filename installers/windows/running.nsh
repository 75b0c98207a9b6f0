; Whether Mulberry runs, and to have it end: it takes no new requests, completes those that run, then window and agent end. What
; its owner wished stays stored, so the next start goes on with it.
;
; A program that runs cannot be opened for writing: that says more than any list of processes, which others may keep from us.

!define FINISH_SECONDS 300
!define LONGEST_MILLISECONDS 400000 ; of the command itself: it may hang where its agent does
!define LOOK_TIMES 40
!define LOOK_MILLISECONDS 250

Var Runs

!macro Running UN
  Function ${UN}LookWhetherItRuns
    StrCpy $Runs 0
    !insertmacro LookAt "python.exe"
    !insertmacro LookAt "pythonw.exe"
  FunctionEnd

  ; $Problem says what if it does not end, and is "" when nothing runs any more.
  Function ${UN}EndMulberry
    StrCpy $Problem ""
    Call ${UN}LookWhetherItRuns
    ${If} $Runs == 0
      Return
    ${EndIf}
    MessageBox MB_OKCANCEL|MB_ICONQUESTION "$(RUNS)" /SD IDOK IDOK finish
      !insertmacro Refuse 1 "$(CANCELLED)"
      Return
    finish:
    DetailPrint "$(FINISHING)"
    nsExec::Exec /TIMEOUT=${LONGEST_MILLISECONDS} \
      '"$INSTDIR\program\python\python.exe" -P -m mulberry leave --within ${FINISH_SECONDS}'
    Pop $0
    look:
    ${For} $2 1 ${LOOK_TIMES}
      Call ${UN}LookWhetherItRuns
      ${If} $Runs == 0
        Return
      ${EndIf}
      Sleep ${LOOK_MILLISECONDS}
    ${Next}
    MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(STILL_RUNS)" /SD IDCANCEL IDRETRY look
    !insertmacro Refuse ${STILL_RUNNING} "$(STILL_RUNS)"
  FunctionEnd
!macroend

!macro LookAt PROGRAM
  ${If} ${FileExists} "$INSTDIR\program\python\${PROGRAM}"
    ClearErrors
    FileOpen $0 "$INSTDIR\program\python\${PROGRAM}" a
    ${If} ${Errors}
      StrCpy $Runs 1
    ${Else}
      FileClose $0
    ${EndIf}
    ClearErrors
  ${EndIf}
!macroend
