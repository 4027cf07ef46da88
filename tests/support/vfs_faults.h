/* A disk that fails when it is told to: a SQLite VFS before the real one. It does not really sync, and remembers what a
 * cut of the power would take away. Thread-safe. */
#ifndef TESTS_SUPPORT_VFS_FAULTS_H
#define TESTS_SUPPORT_VFS_FAULTS_H

#include <stdbool.h>

/* What happens at the n-th operation that changes a file: write, sync, truncate, delete, or open with making. */
enum vfs_fault {
    VFS_SOUND,
    VFS_FULL,      /* SQLITE_FULL, for writes and making */
    VFS_IOERR,     /* SQLITE_IOERR */
    VFS_READONLY,  /* SQLITE_READONLY */
    VFS_SYNC,      /* the n-th sync fails, and what it was to bring to the disk is lost with the power */
    VFS_READ,      /* the n-th read fails */
    VFS_POWER_CUT, /* it and everything after it changes nothing any more */
};

void vfs_faults_begin(void); /* becomes the default */
void vfs_faults_end(void);
/* From now on the n-th operation, counted from 1, fails, and all after it if `lasting`. n 0: none. */
void vfs_faults_arm(enum vfs_fault fault, unsigned n, bool lasting);
unsigned vfs_faults_count(void); /* operations of the kind since then */
/* When nothing is open any more: of what was never synced, some writes are there, others not, by chance. */
void vfs_faults_lose(unsigned seed);
void vfs_faults_forget(void); /* ... or all of it is: the process died, the power stayed */

#endif
