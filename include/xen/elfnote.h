/* Note types of the ELF notes named "Xen". Facts: Xen's public/elfnote.h, 4.17. */
#ifndef XEN_ELFNOTE_H
#define XEN_ELFNOTE_H

/* The address of a kernel's 32-bit, unpaged PVH entry; a descriptor of 4 or 8 bytes. */
#define XEN_ELFNOTE_PHYS32_ENTRY 18

#endif
