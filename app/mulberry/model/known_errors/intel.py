"""Intel's errors beside its quoting library: collateral, SGX, the TDX guest's calls, and the certificate services.

Sources: Intel's DCAP headers sgx_default_qcnl_wrapper.h, tdx_attest.h and sgx_error.h; PCCS, pccs_status_code.js;
Intel PCS API 4.0; GHCI for TDX 1.5, TDG.VP.VMCALL<GetQuote>; Linux, Documentation/ABI/testing/configfs-tsm-report and
drivers/virt/coco/tdx-guest.
"""

import errno

from mulberry.model.errors import WhoseTurn
from mulberry.model.known_errors.nouns import alike, table_of
from mulberry.model.known_errors.quoting import (
    FIRMWARE,
    LOG_QUOTES,
    REGISTER,
    REINSTALL,
    RESTART_CACHE,
    RESTART_QUOTES,
    UPDATE,
)
from mulberry.model.language import tr

YOU, INTEL, NOBODY = WhoseTurn.YOU, WhoseTurn.INTEL, WhoseTurn.NOBODY


_ADDRESS = tr("Look at the address in /etc/sgx_default_qcnl.conf, and whether PCCS runs there.")

COLLATERAL = table_of(
    alike(
        {
            0xB001: "SGX_QCNL_UNEXPECTED_ERROR",
            0xB002: "SGX_QCNL_INVALID_PARAMETER",
            0xB00B: "SGX_QCNL_NETWORK_UNKNOWN_OPTION",
            0xB00C: "SGX_QCNL_NETWORK_INIT_ERROR",
            0xB00E: "SGX_QCNL_OUT_OF_MEMORY",
        },
        tr("Intel's collateral library stumbled over itself."),
        REINSTALL,
        YOU,
    ),
    alike(
        {
            0xB003: "SGX_QCNL_NETWORK_ERROR",
            0xB006: "SGX_QCNL_NETWORK_COULDNT_CONNECT",
            0xB008: "SGX_QCNL_NETWORK_WRITE_ERROR",
            0xB009: "SGX_QCNL_NETWORK_OPERATION_TIMEDOUT",
            0xB013: "SGX_QCNL_ERROR_STATUS_SERVICE_UNAVAILABLE",
        },
        tr("The certificate cache (PCCS) does not answer."),
        _ADDRESS,
        YOU,
        RESTART_CACHE,
    ),
    alike(
        {0xB004: "SGX_QCNL_NETWORK_PROXY_FAIL", 0xB005: "SGX_QCNL_NETWORK_HOST_FAIL"},
        tr("The name of the certificate cache, or of the web proxy before it, is not known."),
        _ADDRESS,
        YOU,
    ),
    alike(
        {0xB007: "SGX_QCNL_NETWORK_HTTP2_ERROR", 0xB00A: "SGX_QCNL_NETWORK_HTTPS_ERROR"},
        tr("The certificate cache's own certificate is not accepted."),
        tr("If it is your own cache, set use_secure_cert to false in /etc/sgx_default_qcnl.conf."),
        YOU,
    ),
    alike(
        {0xB00D: "SGX_QCNL_MSG_ERROR", 0xB011: "SGX_QCNL_ERROR_STATUS_UNEXPECTED"},
        tr("The certificate cache gave an answer that the library does not understand."),
        tr("Take versions of both that belong together."),
        YOU,
        "journalctl -u pccs -n 50",
    ),
    alike(
        {
            0xB00F: "SGX_QCNL_ERROR_STATUS_NO_CACHE_DATA",
            0xB010: "SGX_QCNL_ERROR_STATUS_PLATFORM_UNKNOWN",
            0xB012: "SGX_QCNL_ERROR_STATUS_CERTS_UNAVAILABLE",
        },
        tr("The certificate cache has nothing for this platform."),
        REGISTER,
        YOU,
    ),
    alike(
        {0xB030: "SGX_QCNL_INVALID_CONFIG"},
        tr("/etc/sgx_default_qcnl.conf is not well formed."),
        tr("Correct it; it is JSON with comments."),
        YOU,
        "cat /etc/sgx_default_qcnl.conf",
    ),
)

_HOST = tr("On the host, start the quote generation service, and give the guest a vsock to it.")

TDX_LIBRARY = table_of(
    alike(
        {0x1: "TDX_ATTEST_ERROR_UNEXPECTED", 0x2: "TDX_ATTEST_ERROR_INVALID_PARAMETER"},
        tr("The TDX attestation library stumbled over itself."),
        REINSTALL,
        YOU,
    ),
    alike(
        {0x3: "TDX_ATTEST_ERROR_OUT_OF_MEMORY"}, tr("The guest has no memory left."), tr("Free some."), YOU, "free -h"
    ),
    alike(
        {0x4: "TDX_ATTEST_ERROR_VSOCK_FAILURE", 0x8: "TDX_ATTEST_ERROR_QUOTE_FAILURE"},
        tr("The host's quote generation service does not answer the guest."),
        _HOST,
        YOU,
        "sudo systemctl status qgsd",
    ),
    alike(
        {0x5: "TDX_ATTEST_ERROR_REPORT_FAILURE", 0xA: "TDX_ATTEST_ERROR_DEVICE_FAILURE"},
        tr("The guest's TDX device cannot be used."),
        tr("See whether this is a TDX guest, and who may open the device."),
        YOU,
        "ls -l /dev/tdx_guest",
    ),
    alike(
        {
            0x6: "TDX_ATTEST_ERROR_EXTEND_FAILURE",
            0x7: "TDX_ATTEST_ERROR_NOT_SUPPORTED",
            0xB: "TDX_ATTEST_ERROR_INVALID_RTMR_INDEX",
            0xC: "TDX_ATTEST_ERROR_UNSUPPORTED_ATT_KEY_ID",
        },
        tr("This guest's kernel or TDX module cannot do what was asked."),
        tr("Take a newer kernel in the guest (Linux 6.7 or later)."),
        YOU,
        "uname -r",
    ),
    alike({0x9: "TDX_ATTEST_ERROR_BUSY"}, tr("The TDX device is busy."), tr("It is tried again by itself."), NOBODY),
)

TDX_GUEST = table_of(
    alike(
        {0xFFFFFFFFFFFFFFFF: "GET_QUOTE_IN_FLIGHT"},
        tr("The host still works on the quote."),
        tr("Wait a moment."),
        NOBODY,
    ),
    alike(
        {0x8000000000000000: "GET_QUOTE_ERROR"},
        tr("The host's quoting service failed."),
        tr("Look into its log on the host."),
        YOU,
        LOG_QUOTES,
    ),
    alike(
        {0x8000000000000001: "GET_QUOTE_SERVICE_UNAVAILABLE"},
        tr("The host has no quote generation service."),
        _HOST,
        YOU,
        "sudo systemctl enable --now qgsd",
    ),
)

TSM = table_of(
    alike(
        {errno.EPERM: "EPERM", errno.EACCES: "EACCES"},
        tr("This user may not ask the kernel for a quote."),
        tr("Let Mulberry's user write to the folder, or run it as root inside the guest."),
        YOU,
        "ls -ld /sys/kernel/config/tsm/report",
    ),
    alike(
        {errno.ENXIO: "ENXIO", errno.ENODEV: "ENODEV", errno.ENOENT: "ENOENT"},
        tr("The kernel has no way to a quote: this is no confidential guest, or its driver is not loaded."),
        tr("In a TDX guest, load its driver."),
        YOU,
        "sudo modprobe tdx_guest",
    ),
    alike(
        {errno.ETIMEDOUT: "ETIMEDOUT", errno.EIO: "EIO", errno.EPROTO: "EPROTO"},
        tr("The host's quote generation service does not answer."),
        _HOST,
        YOU,
        RESTART_QUOTES,
    ),
    alike(
        {errno.EBUSY: "EBUSY", errno.EWOULDBLOCK: "EWOULDBLOCK", errno.EINTR: "EINTR"},
        tr("Another program asked for a quote at the same time."),
        tr("It is tried again by itself."),
        NOBODY,
    ),
    alike(
        {errno.EINVAL: "EINVAL"},
        tr("The kernel did not take the question for a quote."),
        tr("Take Linux 6.7 or later in the guest."),
        YOU,
        "uname -r",
    ),
    alike({errno.ENOMEM: "ENOMEM"}, tr("The guest has no memory left."), tr("Free some."), YOU, "free -h"),
)

SGX = table_of(
    alike(
        {0x2005: "SGX_ERROR_OUT_OF_EPC"},
        tr("The memory that is set apart for SGX is full, or none is set apart."),
        tr("Set some apart in the firmware's settings (PRMRR size), then restart."),
        YOU,
        'sudo dmesg | grep -i "sgx: EPC"',
    ),
    alike({0x2006: "SGX_ERROR_NO_DEVICE"}, tr("There is no SGX device."), FIRMWARE, YOU, "ls -l /dev/sgx_enclave"),
    alike(
        {
            0x2000: "SGX_ERROR_UNDEFINED_SYMBOL",
            0x2001: "SGX_ERROR_INVALID_ENCLAVE",
            0x2003: "SGX_ERROR_INVALID_SIGNATURE",
            0x200D: "SGX_ERROR_INVALID_VERSION",
            0x200F: "SGX_ERROR_ENCLAVE_FILE_ACCESS",
        },
        tr("An enclave of Intel's cannot be loaded."),
        REINSTALL,
        YOU,
    ),
    alike({0x200C: "SGX_ERROR_DEVICE_BUSY"}, tr("The SGX device is busy."), tr("It is tried again by itself."), NOBODY),
    alike(
        {0x3001: "SGX_ERROR_MAC_MISMATCH"},
        tr("Something that was sealed on another computer, or with another enclave, cannot be opened here."),
        tr("Restore it from its backup."),
        YOU,
    ),
    alike(
        {0x3002: "SGX_ERROR_INVALID_ATTRIBUTE", 0x4004: "SGX_ERROR_SERVICE_INVALID_PRIVILEGE"},
        tr("The enclave may not use the provisioning device."),
        tr("Put the service's user in the group sgx_prv."),
        YOU,
        "ls -l /dev/sgx_provision",
    ),
    alike(
        {0x4001: "SGX_ERROR_SERVICE_UNAVAILABLE", 0x4002: "SGX_ERROR_SERVICE_TIMEOUT"},
        tr("Intel's enclave service (aesmd) does not answer."),
        tr("Restart it."),
        YOU,
        "sudo systemctl restart aesmd",
    ),
    alike({0x4006: "SGX_ERROR_UPDATE_NEEDED"}, tr("The SGX platform is older than Intel accepts."), UPDATE, YOU),
    alike({0x4007: "SGX_ERROR_NETWORK_FAILURE"}, tr("Intel's enclave service has no network."), _ADDRESS, YOU),
    alike(
        {0x400A: "SGX_ERROR_BUSY"}, tr("Intel's enclave service is busy."), tr("It is tried again by itself."), NOBODY
    ),
)

PCCS = table_of(
    alike({400: "INVALID_REQ"}, tr("The cache did not understand the question."), tr("Update PCCS."), YOU),
    alike(
        {401: "UNAUTHORIZED"}, tr("The cache asks for a password."), tr("Give it the user token of its settings."), YOU
    ),
    alike(
        {404: "NO_CACHE_DATA", 461: "PLATFORM_UNKNOWN"}, tr("The cache has nothing for this platform."), REGISTER, YOU
    ),
    alike(
        {460: "INTEGRITY_ERROR"}, tr("The cache's data is damaged."), tr("Have it fetched anew."), YOU, RESTART_CACHE
    ),
    alike(
        {462: "CERTS_UNAVAILABLE"},
        tr("Intel has no certificate for this platform as it is set up now."),
        REGISTER,
        INTEL,
    ),
    alike({500: "INTERNAL_ERROR"}, tr("The cache has a fault."), tr("Restart it."), YOU, RESTART_CACHE),
    alike(
        {502: "PCS_ACCESS_FAILURE"},
        tr("The cache does not reach Intel, or its API key is wrong."),
        tr("Look at its network and at ApiKey in its settings."),
        YOU,
        "journalctl -u pccs -n 50",
    ),
    alike(
        {429: "TOO_MANY_REQUESTS", 503: "SERVICE_UNAVAILABLE"},
        tr("The cache is busy and asks to come back later."),
        tr("It is asked again by itself; if it stays so, look into its log."),
        YOU,
        "journalctl -u pccs -n 50",
    ),
)

PCS = table_of(
    alike({400: "400 Bad Request"}, tr("Intel did not understand the question."), tr("Update Mulberry."), YOU),
    alike(
        {401: "401 Unauthorized"},
        tr("Intel's service asks for a subscription key, which Mulberry does not have."),
        tr("Give PCCS an ApiKey."),
        YOU,
    ),
    alike(
        {404: "404 Not Found"},
        tr("Intel has nothing for this platform, or nothing under this address any more."),
        tr("See that the processor has TDX and that the platform is registered; else it is tried again by itself."),
        INTEL,
    ),
    alike(
        {429: "429 Too Many Requests"},
        tr("Intel's service is busy and asks to come back later."),
        tr("It is asked again by itself."),
        NOBODY,
    ),
    alike(
        {500: "500", 502: "502", 503: "503", 504: "504"},
        tr("Intel's service has a fault."),
        tr("Try again later."),
        INTEL,
    ),
)
