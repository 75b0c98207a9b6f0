; Gives a shortcut an AppUserModelID: Windows then shows the pinned shortcut and the running window as one, and puts our name on
; notifications. NSIS has no command for it. Source: Microsoft's "Application User Model IDs" page, "Installation"; the calls are
; IPersistFile::Load, IPropertyStore::SetValue and Commit, IPersistFile::Save. Wine takes the property and does not store it.

!include Win\COM.nsh
!include Win\Propkey.nsh

!macro SetAppId SHORTCUT APP_ID
  System::Store S
  StrCpy $9 "${SHORTCUT}"
  !insertmacro ComHlpr_CreateInProcInstance ${CLSID_ShellLink} ${IID_IShellLink} r0 ""
  ${If} $0 P<> 0
    ${IUnknown::QueryInterface} $0 '("${IID_IPersistFile}",.r1)'
    ${If} $1 P<> 0
      ${IPersistFile::Load} $1 '(r9,${STGM_READWRITE})'
      ${IUnknown::QueryInterface} $0 '("${IID_IPropertyStore}",.r2)'
      ${If} $2 P<> 0
        System::Call '*${SYSSTRUCT_PROPERTYKEY}(${PKEY_AppUserModel_ID})p.r3'
        System::Call '*(&w64 "${APP_ID}")p.r4'
        System::Call '*${SYSSTRUCT_PROPVARIANT}(${VT_LPWSTR},,)p.r5'
        System::Call '*$5(&i2 ${VT_LPWSTR},&i6,p r4)'
        ${IPropertyStore::SetValue} $2 '(r3,r5)'
        ${IPropertyStore::Commit} $2 ''
        System::Free $5
        System::Free $4
        System::Free $3
        ${IUnknown::Release} $2 ''
      ${EndIf}
      ${IPersistFile::Save} $1 '(r9,1)'
      ${IUnknown::Release} $1 ''
    ${EndIf}
    ${IUnknown::Release} $0 ''
  ${EndIf}
  System::Store L
!macroend
