(** Memory claims on NUMA nodes, on the hypervisor Homestead.

    A claim is a promise to a domain builder: these pages will be there when it comes for them, on this node. What each call
    means and every errno is in docs/hypervisor-guide/mm/claims.md of Homestead; this module is libhomestead's calls for OCaml. The type
    {!type:claim} and {!val:domain_claim_memory} are those of the published draft of Xen's binding.

    The steps of a builder: create the domain, set its limit, claim, set its node affinity, populate, release.

    Other threads run during a call. *)

type handle

type domid = int

(** What the hypervisor, or the system below, answers. [Errno] has Linux's number of any other. *)
type errno =
  | EPERM  (** this is not the control domain, or not root *)
  | ENOENT  (** there is no such node; of {!val:interface_open}: no driver *)
  | ESRCH  (** there is no such domain *)
  | E2BIG  (** more than one entry for each node and a host-wide one *)
  | ENOMEM  (** there is not that much unclaimed memory *)
  | EACCES  (** another version of the control interface; of {!val:interface_open}: not allowed *)
  | EFAULT
  | EINVAL  (** the set is invalid, or claims are outstanding, or it is more than the domain may own *)
  | ENOSYS  (** this hypervisor has no claims on nodes *)
  | ENOBUFS
  | EPROTO  (** the hypervisor's answer makes no sense *)
  | Errno of int

(** Every failed call. The string is a sentence for people: of a claim, what was asked, what there is, and who holds it. *)
exception Error of errno * string

(** ["ENOMEM"]; ["errno 5"] of an [Errno 5]. *)
val string_of_errno : errno -> string

(** A handle of its own. It is closed by {!val:interface_close} or when it is no longer used. *)
val interface_open : unit -> handle

(** Calls that other threads are making with it come to their end. Later ones raise [Invalid_argument]. Closing it once more
    does nothing. *)
val interface_close : handle -> unit

(** Whether this hypervisor has claims on nodes. Raises {!exception:Error} if it could not be asked. *)
val probe : handle -> bool

(** {1 Claims} *)

type claim = {
  pages : int64;  (** the domain shall own so many pages of 4 KiB there, those it has included *)
  node : int32;  (** or {!val:no_node}: so many beyond the other entries, on any node; those it owns beyond them included *)
}

(** -1: the host-wide claim. *)
val no_node : int32

(** Installs a set of claims, all of it or nothing. If all its entries have 0 pages, it releases every claim.
    Raises [Invalid_argument] for negative pages, and for nodes below -1. *)
val domain_claim_memory : handle -> domid -> claim array -> unit

type flag =
  | Replace  (** instead of the claims there are, in one step *)
  | Strict  (** no allocation redeems a claim on another node than its own *)
  | Scrub  (** the claimed amount is cleaned at once *)

(** The same with Homestead's own flags. [orders], as long as the array of claims, claims the pages of each entry in whole
    extents: order 0, 9 (2 MiB) or 18 (1 GiB); 0 for the host-wide one. *)
val domain_claim_memory_flags : handle -> domid -> ?orders:int array -> flag list -> claim array -> unit

(** Releases every claim; none is no error. *)
val domain_release_claims : handle -> domid -> unit

(** What is outstanding: the host-wide entry first, if there is one, then the nodes in ascending order. *)
val domain_get_memory_claims : handle -> domid -> claim array

(** The host-wide claim that Xen has, too: the size in pages that the domain shall reach; 0 releases every claim. *)
val domain_claim_pages : handle -> domid -> int64 -> unit

(** {1 Figures, in pages of 4 KiB} *)

type node_memory = {
  size_pages : int64;
  free_pages : int64;  (** claimed or not *)
  claimed_pages : int64;  (** by claims on this node *)
  dirty_pages : int64;  (** free, and not cleaned yet *)
  free_2m : int64;  (** whole free extents *)
  free_1g : int64;
  reserved_2m : int64;  (** of them kept whole for claims by order *)
  reserved_1g : int64;
}

type host_memory = {
  host_free_pages : int64;
  host_outstanding_pages : int64;  (** claimed on nodes and host-wide *)
  host_claimed_pages : int64;  (** claimed host-wide *)
  nodes : node_memory array;
}

val host_memory : handle -> host_memory

type domain_node = { own_pages : int64; claim_pages : int64 }

type domain_memory = {
  tot_pages : int64;
  max_pages : int64;
  overhead_pages : int64;  (** Homestead's memory for this domain *)
  host_claim_pages : int64;
  outstanding_pages : int64;
  broken_pages : int64;  (** taken back from its claims as memory went offline *)
  per_node : domain_node array;
}

val domain_memory : handle -> domid -> domain_memory

(** The last refusal in words: what was asked, what there was, who held it. *)
val last_refusal : handle -> string

(** [domain_overhead pages vcpus]: an upper bound in bytes of the domain's paging pool. Raises [Invalid_argument] for what is
    no number of pages or of vCPUs. *)
val domain_overhead : int64 -> int -> int64
