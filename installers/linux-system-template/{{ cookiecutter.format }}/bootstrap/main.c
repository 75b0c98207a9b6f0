/* Mulberry's own Python: the system's libpython, in a program of our name.
 *
 * Built twice. /usr/bin/mulberry is the command line (START_WITH is what Python is told first); /usr/lib/mulberry/python
 * is a Python for the processes that Mulberry starts. Not the system's /usr/bin/python3, for two reasons: AppArmor
 * and the desktop know a program by its file, and no package, setting or .pth file of the user's or the system's Python
 * may change what runs here.
 *
 * Everything is found from this file's own place, so the tree works wherever it is unpacked.
 */

#include <Python.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef START_WITH
static const char *const FIRST_WORDS[] = START_WITH;
enum { FIRST_WORDS_COUNT = sizeof FIRST_WORDS / sizeof *FIRST_WORDS };
#define TO_OUR_FOLDER "/../lib/mulberry"
#else
static const char *const *const FIRST_WORDS = NULL;
enum { FIRST_WORDS_COUNT = 0 };
#define TO_OUR_FOLDER ""
#endif

static void fail(const char *what)
{
    fprintf(stderr, "Mulberry cannot start: %s\n", what);
    exit(1);
}

static void check(PyStatus status)
{
    if (PyStatus_Exception(status))
        Py_ExitStatusException(status);
}

/* Writes the folder that holds app/, app_packages/ and the inner Python into `folder`, PATH_MAX bytes. */
static void find_our_folder(char *folder)
{
    char own[PATH_MAX], beside[PATH_MAX + sizeof TO_OUR_FOLDER];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length < 0)
        fail("/proc/self/exe cannot be read; is /proc mounted?");
    own[length] = '\0';
    snprintf(beside, sizeof beside, "%s%s", dirname(own), TO_OUR_FOLDER);
    if (realpath(beside, folder) == NULL)
        fail("its folder lib/mulberry is not beside it");
}

static void add_to_path(const char *folder, const char *name)
{
    char place[PATH_MAX];
    if (snprintf(place, sizeof place, "%s/%s", folder, name) >= (int)sizeof place)
        fail("its folder's name is too long");
    PyObject *text = PyUnicode_DecodeFSDefault(place);
    PyObject *path = PySys_GetObject("path");
    if (text == NULL || path == NULL || PyList_Append(path, text) != 0)
        fail("Python has no place for its modules");
    Py_DECREF(text);
}

int main(int argc, char *argv[])
{
    char folder[PATH_MAX], executable[PATH_MAX];
    find_our_folder(folder);
    if (snprintf(executable, sizeof executable, "%s/python", folder) >= (int)sizeof executable)
        fail("its folder's name is too long");

    char **words = calloc((size_t)(argc + FIRST_WORDS_COUNT + 1), sizeof *words);
    if (words == NULL || argc < 1)
        fail("there is no memory for its arguments");
    words[0] = argv[0];
    for (int word = 0; word < FIRST_WORDS_COUNT; word++)
        words[word + 1] = (char *)FIRST_WORDS[word];
    memcpy(words + 1 + FIRST_WORDS_COUNT, argv + 1, (size_t)(argc - 1) * sizeof *words);

    PyPreConfig before;
    PyPreConfig_InitPythonConfig(&before);
    before.use_environment = 0; /* PYTHONPATH and its kin are meant for other programs */
    before.utf8_mode = 1;       /* files are named in UTF-8 in the C locale too */
    check(Py_PreInitialize(&before));

    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.use_environment = 0;
    config.user_site_directory = 0;
    config.site_import = 0;     /* neither the system's packages nor anybody's .pth files */
    config.write_bytecode = 0;  /* the package's scripts make and remove it */
    check(PyConfig_SetBytesString(&config, &config.home, PYTHON_HOME)); /* or it looks for a library around us */
    check(PyConfig_SetBytesString(&config, &config.executable, executable));
    check(PyConfig_SetBytesArgv(&config, argc + FIRST_WORDS_COUNT, words));
    check(Py_InitializeFromConfig(&config));
    PyConfig_Clear(&config);
    free(words);

    /* After the start, because a path that is given before keeps Python from finding its own library. */
    add_to_path(folder, "app");
    add_to_path(folder, "app_packages");
    return Py_RunMain();
}
