(** The calls of Debian's libxenctrl that the builder needs besides claims. *)

type handle

(** errno of Linux and libxenctrl's function. *)
exception Error of int * string

(** Raises {!exception:Error} where there is no hypervisor. *)
val interface_open : unit -> handle

(** An HVM domain with nested paging and a local APIC (PVH) of so many vCPUs, which has no memory and does not run. *)
val domain_create : handle -> int -> int

(** KiB. *)
val domain_setmaxmem : handle -> int -> int64 -> unit

val domain_max_vcpus : handle -> int -> int -> unit

(** Bytes, whole MiB. *)
val set_paging_pool : handle -> int -> int64 -> unit

val domain_node_setaffinity : handle -> int -> int list -> unit

(** [populate h domid first extents order node]: extents of 2^order pages at frame [first] and after it, from that node and no
    other; any node for -1. Returns how many could be had. *)
val populate : handle -> int -> int64 -> int -> int -> int -> int

(** Pages: owned, and claimed and not yet allocated. *)
val domain_pages : handle -> int -> int64 * int64

val domain_destroy : handle -> int -> unit

(** Free bytes of each node; claimed or not. *)
val node_free : handle -> int64 array
