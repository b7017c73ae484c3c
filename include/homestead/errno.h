/*
 * Error numbers. The values are Xen's public ones (public/errno.h), because hypercalls return them
 * to guests as they are. Functions return 0 or a negative one of these.
 */
#ifndef HOMESTEAD_ERRNO_H
#define HOMESTEAD_ERRNO_H

#define EPERM      1
#define ENOENT     2
#define ESRCH      3
#define EINTR      4
#define EIO        5
#define ENXIO      6
#define E2BIG      7
#define ENOEXEC    8
#define EAGAIN     11
#define ENOMEM     12
#define EACCES     13
#define EFAULT     14
#define EBUSY      16
#define EEXIST     17
#define ENODEV     19
#define EINVAL     22
#define ENOSPC     28
#define EDOM       33
#define ERANGE     34
#define ENOSYS     38
#define ENODATA    61
#define ETIME      62
#define EOVERFLOW  75
#define EILSEQ     84
#define ERESTART   85
#define EOPNOTSUPP 95
#define ENOBUFS    105

#endif
