"""Intel's quoting library, quote3_error_t: what goes wrong when quotes are made and checked.

Source: Intel's DCAP header sgx_ql_lib_common.h.
"""

from mulberry.model.errors import WhoseTurn
from mulberry.model.known_errors.nouns import alike, table_of
from mulberry.model.language import tr

YOU, INTEL, NOBODY = WhoseTurn.YOU, WhoseTurn.INTEL, WhoseTurn.NOBODY

RESTART_CACHE = "sudo systemctl restart pccs"
RESTART_QUOTES = "sudo systemctl restart qgsd"
LOG_QUOTES = "journalctl -u qgsd -n 50"
REGISTER = tr("Register the platform with Intel (its manifest is sent once after the first boot), then try again.")
UPDATE = tr("Update BIOS and microcode of the host; Intel's advisories name the versions.")
_COLLATERAL = tr("Have the collateral fetched anew; it lives about 30 days.")
FIRMWARE = tr("Look whether SGX and TDX are switched on in the firmware's settings.")
REINSTALL = tr("Install Intel's DCAP packages of one and the same version again.")
_FORGED = tr("Ask for a new quote; if it is refused again, do not trust that computer.")

QUOTING = table_of(
    alike(
        {0xE001: "SGX_QL_ERROR_UNEXPECTED", 0xE002: "SGX_QL_ERROR_INVALID_PARAMETER"},
        tr("The quoting service stumbled over itself: wrong settings, or parts of different versions."),
        REINSTALL,
        YOU,
        LOG_QUOTES,
    ),
    alike(
        {0xE003: "SGX_QL_ERROR_OUT_OF_MEMORY"},
        tr("The quoting service has no memory left."),
        tr("Free some."),
        YOU,
        "free -h",
    ),
    alike(
        {
            0xE004: "SGX_QL_ERROR_ECDSA_ID_MISMATCH",
            0xE005: "SGX_QL_PATHNAME_BUFFER_OVERFLOW_ERROR",
            0xE006: "SGX_QL_FILE_ACCESS_ERROR",
            0xE007: "SGX_QL_ERROR_STORED_KEY",
            0xE008: "SGX_QL_ERROR_PUB_KEY_ID_MISMATCH",
            0xE009: "SGX_QL_ERROR_INVALID_PCE_SIG_SCHEME",
            0xE00A: "SGX_QL_ATT_KEY_BLOB_ERROR",
            0xE00F: "SGX_QL_ATT_KEY_NOT_INITIALIZED",
            0xE045: "SGX_QL_PERSISTENT_STORAGE_ERROR",
        },
        tr("The quoting service cannot use the key that it keeps on disk."),
        tr("Restart it; it makes a new key by itself."),
        YOU,
        RESTART_QUOTES,
    ),
    alike(
        {
            0xE00B: "SGX_QL_UNSUPPORTED_ATT_KEY_ID",
            0xE00C: "SGX_QL_UNSUPPORTED_LOADING_POLICY",
            0xE03E: "SGX_QL_UNSUPPORTED_MODE",
        },
        tr("The quoting service cannot sign in the way that was asked for."),
        REINSTALL,
        YOU,
    ),
    alike(
        {
            0xE00D: "SGX_QL_INTERFACE_UNAVAILABLE",
            0xE00E: "SGX_QL_PLATFORM_LIB_UNAVAILABLE",
            0xE016: "SGX_QL_ENCLAVE_LOAD_ERROR",
            0xE052: "SGX_QL_PSW_NOT_AVAILABLE",
        },
        tr("A part of Intel's quoting software is missing or cannot be loaded."),
        REINSTALL,
        YOU,
        "sudo apt install --reinstall libsgx-dcap-default-qpl tdx-qgs",
    ),
    alike(
        {
            0xE010: "SGX_QL_ATT_KEY_CERT_DATA_INVALID",
            0xE011: "SGX_QL_NO_PLATFORM_CERT_DATA",
            0xE018: "SGX_QL_KEY_CERTIFCATION_ERROR",
            0xE047: "SGX_QL_PLATFORM_UNKNOWN",
            0xE049: "SGX_QL_CERTS_UNAVAILABLE",
        },
        tr(
            "There is no certificate of Intel's for this platform: it is not registered, or its cache does not have it."
        ),
        REGISTER,
        YOU,
        "sudo systemctl restart mpa_registration_tool",
    ),
    alike(
        {0xE012: "SGX_QL_OUT_OF_EPC"},
        tr("The memory that is set apart for SGX is full."),
        tr("Set more apart in the firmware's settings (PRMRR), or end other enclaves."),
        YOU,
    ),
    alike(
        {
            0xE013: "SGX_QL_ERROR_REPORT",
            0xE015: "SGX_QL_INVALID_REPORT",
            0xE017: "SGX_QL_UNABLE_TO_GENERATE_QE_REPORT",
            0xE01E: "SGX_QL_UNABLE_TO_GENERATE_REPORT",
        },
        tr(
            "The quoting service did not accept the guest's report: it was made on another computer, or before a "
            "restart."
        ),
        tr("Ask for a new quote; if that fails too, restart the guest."),
        YOU,
    ),
    alike(
        {0xE014: "SGX_QL_ENCLAVE_LOST"},
        tr("The quoting enclave was lost when the computer slept."),
        tr("Restart the quoting service."),
        YOU,
        RESTART_QUOTES,
    ),
    alike(
        {
            0xE019: "SGX_QL_NETWORK_ERROR",
            0xE040: "SGX_QL_SERVICE_UNAVAILABLE",
            0xE041: "SGX_QL_NETWORK_FAILURE",
            0xE042: "SGX_QL_SERVICE_TIMEOUT",
        },
        tr("The certificate cache (PCCS) does not answer, or its address in /etc/sgx_default_qcnl.conf is wrong."),
        tr("Start it, and look at that address."),
        YOU,
        RESTART_CACHE,
    ),
    alike(
        {
            0xE01A: "SGX_QL_MESSAGE_ERROR",
            0xE044: "SGX_QL_UNKNOWN_MESSAGE_RESPONSE",
            0xE046: "SGX_QL_ERROR_MESSAGE_PARSING_ERROR",
            0xE048: "SGX_QL_UNKNOWN_API_VERSION",
        },
        tr("The certificate cache (PCCS) gave an answer that the library does not understand."),
        tr("Take versions of both that belong together."),
        YOU,
        "journalctl -u pccs -n 50",
    ),
    alike(
        {
            0xE01B: "SGX_QL_NO_QUOTE_COLLATERAL_DATA",
            0xE034: "SGX_QL_UNABLE_TO_GET_COLLATERAL",
            0xE037: "SGX_QL_NO_QVE_IDENTITY_DATA",
        },
        tr("There is no collateral for this platform to check quotes with."),
        _COLLATERAL,
        YOU,
    ),
    alike(
        {
            0xE01C: "SGX_QL_QUOTE_CERTIFICATION_DATA_UNSUPPORTED",
            0xE01D: "SGX_QL_QUOTE_FORMAT_UNSUPPORTED",
            0xE020: "SGX_QL_QE_REPORT_UNSUPPORTED_FORMAT",
            0xE021: "SGX_QL_PCK_CERT_UNSUPPORTED_FORMAT",
            0xE023: "SGX_QL_TCBINFO_UNSUPPORTED_FORMAT",
            0xE025: "SGX_QL_QEIDENTITY_UNSUPPORTED_FORMAT",
            0xE038: "SGX_QL_CRL_UNSUPPORTED_FORMAT",
            0xE053: "SGX_QL_COLLATERAL_VERSION_NOT_SUPPORTED",
        },
        tr("The quote or its collateral is of a version that is not known here."),
        tr("Update Intel's libraries, or Mulberry."),
        YOU,
    ),
    alike(
        {
            0xE01F: "SGX_QL_QE_REPORT_INVALID_SIGNATURE",
            0xE022: "SGX_QL_PCK_CERT_CHAIN_ERROR",
            0xE024: "SGX_QL_TCBINFO_MISMATCH",
            0xE026: "SGX_QL_QEIDENTITY_MISMATCH",
            0xE039: "SGX_QL_QEIDENTITY_CHAIN_ERROR",
            0xE03A: "SGX_QL_TCBINFO_CHAIN_ERROR",
            0xE050: "SGX_QL_QVEIDENTITY_MISMATCH",
            0xE060: "SGX_QL_TDX_MODULE_MISMATCH",
        },
        tr("Signatures or identities in the quote do not fit Intel's."),
        _FORGED,
        YOU,
    ),
    alike(
        {
            0xE027: "SGX_QL_TCB_OUT_OF_DATE",
            0xE028: "SGX_QL_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED",
            0xE029: "SGX_QL_SGX_ENCLAVE_IDENTITY_OUT_OF_DATE",
            0xE02A: "SGX_QL_SGX_ENCLAVE_REPORT_ISVSVN_OUT_OF_DATE",
            0xE02B: "SGX_QL_QE_IDENTITY_OUT_OF_DATE",
            0xE051: "SGX_QL_QVE_OUT_OF_DATE",
        },
        tr("Firmware, microcode or Intel's quoting software is older than Intel accepts now."),
        UPDATE,
        YOU,
    ),
    alike(
        {
            0xE033: "SGX_QL_TCB_CONFIGURATION_NEEDED",
            0xE03C: "SGX_QL_TCB_SW_HARDENING_NEEDED",
            0xE03D: "SGX_QL_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED",
        },
        tr("The platform is up to date, but set up in a way that Intel advises against (hyper-threading, for one)."),
        tr("Change the firmware's settings as the advisory says; Cocoon accepts only platforms that are UpToDate."),
        YOU,
    ),
    alike(
        {
            0xE02C: "SGX_QL_SGX_TCB_INFO_EXPIRED",
            0xE02D: "SGX_QL_SGX_PCK_CERT_CHAIN_EXPIRED",
            0xE02E: "SGX_QL_SGX_CRL_EXPIRED",
            0xE02F: "SGX_QL_SGX_SIGNING_CERT_CHAIN_EXPIRED",
            0xE030: "SGX_QL_SGX_ENCLAVE_IDENTITY_EXPIRED",
        },
        tr("The collateral has expired, or this computer's clock is wrong."),
        _COLLATERAL,
        YOU,
        "timedatectl",
    ),
    alike(
        {0xE031: "SGX_QL_PCK_REVOKED", 0xE032: "SGX_QL_TCB_REVOKED"},
        tr("Intel has revoked this platform's certificate or firmware."),
        tr("Update the firmware; if it stays revoked, only Intel or the computer's maker can help."),
        INTEL,
    ),
    alike(
        {0xE035: "SGX_QL_ERROR_INVALID_PRIVILEGE"},
        tr("The quoting service may not use the provisioning device."),
        tr("Put its user in the group sgx_prv."),
        YOU,
        "ls -l /dev/sgx_provision",
    ),
    alike(
        {0xE03B: "SGX_QL_ERROR_QVL_QVE_MISMATCH"}, tr("Two of Intel's parts are of different versions."), REINSTALL, YOU
    ),
    alike({0xE03F: "SGX_QL_NO_DEVICE"}, tr("There is no SGX device."), FIRMWARE, YOU, "ls -l /dev/sgx_enclave"),
    alike(
        {0xE043: "SGX_QL_ERROR_BUSY"}, tr("The quoting service is busy."), tr("It is tried again by itself."), NOBODY
    ),
)
