/* A stand-in for libnvidia-ml.so.1 that owns no card and says so: every GPU's name ends with "(fake)".

   Its state is the text file named by $FAKE_NVML_STATE, read anew when it changed, so a test plays heat, a lost GPU or a
   driver's update by writing it. A line is "key value"; "d<i>.key value" is for the card at index i only:

     count driver cuda arch cc_major cc_minor name uuid bus device_id vbios
     mem_total mem_used util power energy power_limit power_min power_max temp slowdown shutdown sm sm_max mem_clock reasons
     ecc mig display cc_gpus cc_cpu cc_environment cc_feature cc_devtools cc_multi cc_ready
     cc_certificates FILE                  the GPU's certificates, PEM
     cc_reports FOLDER                     its reports, one for each nonce: FOLDER/<nonce in hexadecimal>
     cc_report_size N                      what it says the report's size is, instead of the file's
     proc <c|g> <pid> <bytes> [index]      a process that computes or draws
     load <pid> <percent> <microseconds since 1970> [index]    a sample of what a process does
     err.<function> <nvmlReturn_t>         that function fails (d<i>.err.<function>: for one card)
     hang.<function> 1                     that function does not return before the line is gone (or 30 s passed)

   The structures are those of NVIDIA's nvml.h, as far as they are used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef unsigned int u32;
typedef unsigned long long u64;
typedef struct { u64 total, free, used; } memory_t;
typedef struct { u32 gpu, memory; } utilization_t;
typedef struct { u32 pid; u64 used; u32 gpu_instance, compute_instance; } process_t;
typedef struct { u32 pid; u64 at; u32 sm, memory, encoder, decoder; } load_t;
typedef struct { char legacy[16]; u32 domain, bus, device, device_id, subsystem_id; char bus_id[32]; } pci_t;
typedef struct { u32 cpu, gpus; } cc_caps_t;
typedef struct { u32 environment, feature, devtools; } cc_state_t;
typedef struct { u32 version, environment, feature, devtools, multi; } cc_settings_t;
typedef struct { u32 size, attestation_size; unsigned char chain[4096], attestation_chain[5120]; } cc_certificates_t;
typedef struct { u32 has_cec, size, cec_size; unsigned char nonce[32], report[8192], cec_report[4096]; } cc_report_t;

enum { OK = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };
#define EXPORT __attribute__((visibility("default")))

static int opened;
static u32 counted;
static __thread char text[65536];
static __thread struct timespec read_at;
static __thread off_t read_size;

static void look(void) {
    const char *path = getenv("FAKE_NVML_STATE");
    struct stat now;
    if (!path || stat(path, &now)) { text[0] = 0; read_size = -1; return; }
    if (now.st_mtim.tv_sec == read_at.tv_sec && now.st_mtim.tv_nsec == read_at.tv_nsec && now.st_size == read_size) return;
    FILE *file = fopen(path, "r");
    if (!file) return;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    read_at = now.st_mtim;
    read_size = now.st_size;
}

static const char *find(const char *key) {
    static __thread char value[256];
    size_t length = strlen(key);
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (!strncmp(line, key, length) && line[length] == ' ') {
            size_t i = 0;
            for (line += length + 1; *line && *line != '\n' && i < sizeof value - 1; i++) value[i] = *line++;
            value[i] = 0;
            return value;
        }
    return NULL;
}

static const char *word(int index, const char *key, const char *otherwise) {
    char own[96];
    snprintf(own, sizeof own, "d%d.%s", index, key);
    const char *value = index < 0 ? NULL : find(own);
    if (!value) value = find(key);
    return value ? value : otherwise;
}

static u64 number(int index, const char *key, u64 otherwise) {
    const char *value = word(index, key, NULL);
    return value ? strtoull(value, NULL, 0) : otherwise;
}

static int index_of(void *handle) { return (int)((size_t)handle - 1); }

static int enter(const char *function, int index) {
    char key[96];
    look();
    snprintf(key, sizeof key, "hang.%s", function);
    for (int i = 0; i < 3000 && find(key); i++) { usleep(10000); look(); }
    snprintf(key, sizeof key, "err.%s", function);
    int error = (int)number(index, key, 0);
    return error ? error : opened ? OK : UNINITIALIZED;
}
#define ENTER(index) do { int error = enter(__func__, index); if (error) return error; } while (0)

EXPORT int nvmlInitWithFlags(u32 flags) {
    (void)flags;
    int error = enter(__func__, -1);
    if (error && error != UNINITIALIZED) return error;
    opened++;
    counted = (u32)number(-1, "count", 1);
    return OK;
}
EXPORT int nvmlShutdown(void) { if (!opened) return UNINITIALIZED; opened--; return OK; }
EXPORT const char *nvmlErrorString(int code) { (void)code; return "an error of the fake driver"; }

static int say(char *buffer, u32 length, int index, const char *key, const char *otherwise) {
    snprintf(buffer, length, "%s", word(index, key, otherwise));
    return OK;
}
EXPORT int nvmlSystemGetDriverVersion(char *b, u32 n) { ENTER(-1); return say(b, n, -1, "driver", "580.95.05"); }
EXPORT int nvmlSystemGetCudaDriverVersion(int *v) { ENTER(-1); *v = (int)number(-1, "cuda", 13000); return OK; }

/* NVML counts its cards when it is opened and not again. */
EXPORT int nvmlDeviceGetCount_v2(u32 *count) { ENTER(-1); *count = counted; return OK; }
EXPORT int nvmlDeviceGetHandleByIndex_v2(u32 i, void **handle) {
    ENTER((int)i);
    if (i >= counted) return INVALID;
    *handle = (void *)(size_t)(i + 1);
    return OK;
}
EXPORT int nvmlDeviceGetUUID(void *h, char *b, u32 n);
EXPORT int nvmlDeviceGetHandleByUUID(const char *uuid, void **handle) {
    ENTER(-1);
    for (u32 i = 0; i < counted; i++) {
        char own[96];
        *handle = (void *)(size_t)(i + 1);
        if (!nvmlDeviceGetUUID(*handle, own, sizeof own) && !strcmp(own, uuid)) return OK;
    }
    return NOT_FOUND;
}
EXPORT int nvmlDeviceGetPciInfo_v3(void *h, pci_t *pci) {
    ENTER(index_of(h));
    char otherwise[32];
    snprintf(otherwise, sizeof otherwise, "00000000:%02X:00.0", index_of(h) + 1);
    memset(pci, 0, sizeof *pci);
    pci->device_id = (u32)number(index_of(h), "device_id", 0x2684) << 16 | 0x10DE;
    return say(pci->bus_id, sizeof pci->bus_id, index_of(h), "bus", otherwise);
}
EXPORT int nvmlDeviceGetUUID(void *h, char *b, u32 n) {
    ENTER(index_of(h));
    char otherwise[64];
    snprintf(otherwise, sizeof otherwise, "GPU-fa4e0000-0000-0000-0000-%012d", index_of(h));
    return say(b, n, index_of(h), "uuid", otherwise);
}
EXPORT int nvmlDeviceGetName(void *h, char *b, u32 n) {
    ENTER(index_of(h));
    snprintf(b, n, "%s (fake)", word(index_of(h), "name", "No GPU at all"));
    return OK;
}
EXPORT int nvmlDeviceGetVbiosVersion(void *h, char *b, u32 n) { ENTER(index_of(h)); return say(b, n, index_of(h), "vbios", "95.02.18.00.01"); }
EXPORT int nvmlDeviceGetMemoryInfo(void *h, memory_t *m) {
    ENTER(index_of(h));
    m->total = number(index_of(h), "mem_total", 24ULL << 30);
    m->used = number(index_of(h), "mem_used", 1ULL << 30);
    m->free = m->total - m->used;
    return OK;
}
EXPORT int nvmlDeviceGetUtilizationRates(void *h, utilization_t *u) {
    ENTER(index_of(h));
    u->gpu = (u32)number(index_of(h), "util", 0);
    u->memory = 0;
    return OK;
}
EXPORT int nvmlDeviceGetCudaComputeCapability(void *h, int *major, int *minor) {
    ENTER(index_of(h));
    *major = (int)number(index_of(h), "cc_major", 8);
    *minor = (int)number(index_of(h), "cc_minor", 9);
    return OK;
}
EXPORT int nvmlDeviceGetPowerManagementLimitConstraints(void *h, u32 *least, u32 *most) {
    ENTER(index_of(h));
    *least = (u32)number(index_of(h), "power_min", 150000);
    *most = (u32)number(index_of(h), "power_max", 600000);
    return OK;
}
EXPORT int nvmlDeviceGetTemperature(void *h, u32 sensor, u32 *t) { (void)sensor; ENTER(index_of(h)); *t = (u32)number(index_of(h), "temp", 40); return OK; }
EXPORT int nvmlDeviceGetTemperatureThreshold(void *h, u32 which, u32 *t) {
    ENTER(index_of(h));
    *t = which ? (u32)number(index_of(h), "slowdown", 90) : (u32)number(index_of(h), "shutdown", 95);
    return OK;
}
EXPORT int nvmlDeviceGetClockInfo(void *h, u32 type, u32 *mhz) {
    ENTER(index_of(h));
    *mhz = (u32)(type == 2 ? number(index_of(h), "mem_clock", 10501) : number(index_of(h), "sm", 210));
    return OK;
}
EXPORT int nvmlDeviceGetMaxClockInfo(void *h, u32 type, u32 *mhz) { (void)type; ENTER(index_of(h)); *mhz = (u32)number(index_of(h), "sm_max", 3105); return OK; }
EXPORT int nvmlDeviceGetCurrentClocksEventReasons(void *h, u64 *bits) { ENTER(index_of(h)); *bits = number(index_of(h), "reasons", 1); return OK; }
EXPORT int nvmlDeviceGetCurrentClocksThrottleReasons(void *h, u64 *bits) { ENTER(index_of(h)); *bits = number(index_of(h), "reasons", 1); return OK; }

#define ONE_NUMBER(function, key, otherwise) \
    EXPORT int function(void *h, u32 *value) { ENTER(index_of(h)); *value = (u32)number(index_of(h), key, otherwise); return OK; }
ONE_NUMBER(nvmlDeviceGetPowerUsage, "power", 30000)
ONE_NUMBER(nvmlDeviceGetEnforcedPowerLimit, "power_limit", 450000)
ONE_NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, "power_limit", 450000)
ONE_NUMBER(nvmlDeviceGetArchitecture, "arch", 8)
ONE_NUMBER(nvmlDeviceGetDisplayMode, "display", 0)

EXPORT int nvmlDeviceGetTotalEnergyConsumption(void *h, u64 *millijoules) {
    ENTER(index_of(h));
    if (!word(index_of(h), "energy", NULL)) return NOT_SUPPORTED;
    *millijoules = number(index_of(h), "energy", 0);
    return OK;
}

/* Cards without ECC or MIG say "not supported", so the state must name them. */
static int two_modes(int index, const char *key, u32 *current, u32 *pending) {
    const char *value = word(index, key, NULL);
    if (!value) return NOT_SUPPORTED;
    *current = *pending = (u32)atoi(value);
    return OK;
}
EXPORT int nvmlDeviceGetEccMode(void *h, u32 *current, u32 *pending) { ENTER(index_of(h)); return two_modes(index_of(h), "ecc", current, pending); }
EXPORT int nvmlDeviceGetMigMode(void *h, u32 *current, u32 *pending) { ENTER(index_of(h)); return two_modes(index_of(h), "mig", current, pending); }

static int processes(int index, char wanted, u32 *room, process_t *found) {
    u32 count = 0, most = *room;
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char kind;
        u32 pid;
        u64 bytes;
        int of = 0;
        if (sscanf(line, "proc %c %u %llu %d", &kind, &pid, &bytes, &of) < 3 || kind != wanted || of != index) continue;
        if (found && count < most) found[count] = (process_t){pid, bytes, ~0u, ~0u};
        count++;
    }
    *room = count;
    return count == 0 || (found && count <= most) ? OK : INSUFFICIENT_SIZE;
}
EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(void *h, u32 *n, process_t *p) { ENTER(index_of(h)); return processes(index_of(h), 'c', n, p); }
EXPORT int nvmlDeviceGetGraphicsRunningProcesses_v3(void *h, u32 *n, process_t *p) { ENTER(index_of(h)); return processes(index_of(h), 'g', n, p); }

/* As the driver does: without a sample after `since` there is "not found"; a state that names no load has no such call. */
EXPORT int nvmlDeviceGetProcessUtilization(void *h, load_t *found, u32 *room, u64 since) {
    ENTER(index_of(h));
    u32 count = 0, most = *room;
    int told = 0;
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        load_t one = {0};
        int of = 0;
        if (sscanf(line, "load %u %u %llu %d", &one.pid, &one.sm, &one.at, &of) < 3 || of != index_of(h)) continue;
        told = 1;
        if (one.at <= since) continue;
        if (found && count < most) found[count] = one;
        count++;
    }
    *room = count;
    if (!told) return NOT_SUPPORTED;
    if (!count) return NOT_FOUND;
    return found && count <= most ? OK : INSUFFICIENT_SIZE;
}

/* Confidential computing is the whole system's; a state that does not name cc_feature has none. */
static int has_cc(void) { return find("cc_feature") ? OK : NOT_SUPPORTED; }
EXPORT int nvmlSystemGetConfComputeCapabilities(cc_caps_t *caps) {
    ENTER(-1);
    caps->cpu = (u32)number(-1, "cc_cpu", 0);
    caps->gpus = (u32)number(-1, "cc_gpus", 0);
    return has_cc();
}
EXPORT int nvmlSystemGetConfComputeState(cc_state_t *state) {
    ENTER(-1);
    *state = (cc_state_t){(u32)number(-1, "cc_environment", 0), (u32)number(-1, "cc_feature", 0), (u32)number(-1, "cc_devtools", 0)};
    return has_cc();
}
EXPORT int nvmlSystemGetConfComputeSettings(cc_settings_t *settings) {
    ENTER(-1);
    settings->environment = (u32)number(-1, "cc_environment", 0);
    settings->feature = (u32)number(-1, "cc_feature", 0);
    settings->devtools = (u32)number(-1, "cc_devtools", 0);
    settings->multi = (u32)number(-1, "cc_multi", 0);
    return has_cc();
}
EXPORT int nvmlSystemGetConfComputeGpusReadyState(u32 *ready) { ENTER(-1); *ready = (u32)number(-1, "cc_ready", 0); return has_cc(); }

static u32 content(const char *path, unsigned char *room, u32 most) {
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file) return 0;
    u32 size = (u32)fread(room, 1, most, file);
    fclose(file);
    return size;
}
EXPORT int nvmlDeviceGetConfComputeGpuCertificate(void *h, cc_certificates_t *c) {
    ENTER(index_of(h));
    c->attestation_size = content(word(index_of(h), "cc_certificates", NULL), c->attestation_chain, sizeof c->attestation_chain);
    return c->attestation_size ? OK : NOT_SUPPORTED;
}
EXPORT int nvmlDeviceGetConfComputeGpuAttestationReport(void *h, cc_report_t *r) {
    ENTER(index_of(h));
    const char *folder = word(index_of(h), "cc_reports", NULL);
    if (!folder) return NOT_SUPPORTED;
    char path[512];
    int at = snprintf(path, sizeof path, "%s/", folder);
    for (int i = 0; i < 32; i++) at += snprintf(path + at, sizeof path - (size_t)at, "%02x", r->nonce[i]);
    r->size = (u32)number(index_of(h), "cc_report_size", content(path, r->report, sizeof r->report));
    return OK;
}
