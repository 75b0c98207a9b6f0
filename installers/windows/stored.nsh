; What Mulberry has stored, and whether it stays when the program goes. All of it stays unless its owner says otherwise:
;
;   data    %LOCALAPPDATA%\mulberry: earnings, settings, imported models, logs. Data that lies elsewhere is never touched.
;   keys    of the node wallets, which hold money: node-wallet.* in there, and in the Credential Manager the items whose names end
;           as mulberry.agent.keys.SERVICE does (keyring puts "network@" before it where there are several).

!define DATA "$LOCALAPPDATA\mulberry"
!define KEY_FILES "node-wallet" ; how their names begin
!define KEY_ITEMS "Mulberry node wallet" ; how their names end
!define IS_LINK 0x400 ; FILE_ATTRIBUTE_REPARSE_POINT

Var RemoveData
Var RemoveKeys
Var KeepDataBox
Var KeepKeysBox

Function un.KeepPage
  !insertmacro MUI_HEADER_TEXT "$(KEEP_TITLE)" "$(KEEP_SUBTITLE)"
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateLabel} 0 0 100% 24u "$(KEEP_WHAT)"
  Pop $0
  ${NSD_CreateCheckBox} 0 32u 100% 12u "$(KEEP_DATA)"
  Pop $KeepDataBox
  ${NSD_CreateLabel} 12u 45u 95% 20u "${DATA}"
  Pop $0
  ${NSD_CreateCheckBox} 0 68u 100% 12u "$(KEEP_KEYS)"
  Pop $KeepKeysBox
  ${NSD_CreateLabel} 12u 81u 95% 32u "$(KEYS_ARE_MONEY)"
  Pop $0
  ${If} $RemoveData == 0
    ${NSD_Check} $KeepDataBox
  ${EndIf}
  ${If} $RemoveKeys == 0
    ${NSD_Check} $KeepKeysBox
  ${EndIf}
  nsDialogs::Show
FunctionEnd

Function un.KeepPageLeave
  ${NSD_GetState} $KeepDataBox $0
  ${NSD_GetState} $KeepKeysBox $1
  StrCpy $RemoveData 0
  StrCpy $RemoveKeys 0
  ${If} $0 != ${BST_CHECKED}
    StrCpy $RemoveData 1
  ${EndIf}
  ${If} $1 != ${BST_CHECKED}
    MessageBox MB_YESNO|MB_ICONEXCLAMATION|MB_DEFBUTTON2 "$(REALLY_KEYS)" IDYES remove
    Abort
    remove:
    StrCpy $RemoveKeys 1
  ${EndIf}
FunctionEnd

Function un.RemoveStored
  ${If} $RemoveKeys == 1
    Call un.RemoveKeyItems
  ${EndIf}
  ${If} $RemoveData == 1
  ${OrIf} $RemoveKeys == 1
    FindFirst $0 $1 "${DATA}\*.*"
    ${DoWhile} $1 != ""
      ${If} $1 != "."
      ${AndIf} $1 != ".."
        ${If} ${FileExists} "${DATA}\$1\*.*"
          StrCpy $2 "${DATA}\$1"
          Call un.RemoveOfNetwork
        ${ElseIf} $RemoveData == 1
          Delete "${DATA}\$1"
        ${EndIf}
      ${EndIf}
      FindNext $0 $1
    ${Loop}
    FindClose $0
    RMDir "${DATA}" ; only when it is empty
  ${EndIf}
FunctionEnd

; $2 is a folder of ${DATA}: a network's, or one without keys.
Function un.RemoveOfNetwork
  StrLen $6 "${KEY_FILES}"
  FindFirst $3 $4 "$2\*.*"
  ${DoWhile} $4 != ""
    ${If} $4 != "."
    ${AndIf} $4 != ".."
      StrCpy $5 $4 $6
      ${If} $5 == "${KEY_FILES}"
        ${If} $RemoveKeys == 1
          Delete "$2\$4"
        ${EndIf}
      ${ElseIf} $RemoveData == 1
        Call un.RemoveOne
      ${EndIf}
    ${EndIf}
    FindNext $3 $4
  ${Loop}
  FindClose $3
  RMDir "$2"
FunctionEnd

; The file or folder $2\$4. A link to elsewhere goes, and what lies there stays.
Function un.RemoveOne
  System::Call 'kernel32::GetFileAttributesW(w "$2\$4") i.r7'
  IntOp $7 $7 & ${IS_LINK}
  ${If} $7 <> 0
    RMDir "$2\$4"
    Delete "$2\$4"
  ${ElseIf} ${FileExists} "$2\$4\*.*"
    RMDir /r "$2\$4"
  ${Else}
    Delete "$2\$4"
  ${EndIf}
FunctionEnd

; Source of the layout: Microsoft's pages of CredEnumerateW and CREDENTIALW (Flags, Type, TargetName first).
Function un.RemoveKeyItems
  StrLen $6 "${KEY_ITEMS}"
  System::Call 'advapi32::CredEnumerateW(p 0, i 0, *i .r0, *p .r1) i.r2'
  ${If} $2 <> 0
    StrCpy $3 $1
    ${While} $0 > 0
      System::Call '*$3(p.r4)'
      System::Call '*$4(i, i.r5, w.r4)'
      StrCpy $7 $4 "" -$6
      ${If} $7 == "${KEY_ITEMS}"
        System::Call 'advapi32::CredDeleteW(w r4, i r5, i 0)'
      ${EndIf}
      IntPtrOp $3 $3 + ${NSIS_PTR_SIZE}
      IntOp $0 $0 - 1
    ${EndWhile}
    System::Call 'advapi32::CredFree(p r1)'
  ${EndIf}
FunctionEnd
