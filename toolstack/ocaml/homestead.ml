(* See homestead.mli. Constructors and fields are counted in homestead_stubs.c. *)

type handle
type domid = int

type errno =
  | EPERM
  | ENOENT
  | ESRCH
  | E2BIG
  | ENOMEM
  | EACCES
  | EFAULT
  | EINVAL
  | ENOSYS
  | ENOBUFS
  | EPROTO
  | Errno of int

exception Error of errno * string

let () = Callback.register_exception "homestead.error" (Error (EPERM, ""))

let string_of_errno = function
  | EPERM -> "EPERM"
  | ENOENT -> "ENOENT"
  | ESRCH -> "ESRCH"
  | E2BIG -> "E2BIG"
  | ENOMEM -> "ENOMEM"
  | EACCES -> "EACCES"
  | EFAULT -> "EFAULT"
  | EINVAL -> "EINVAL"
  | ENOSYS -> "ENOSYS"
  | ENOBUFS -> "ENOBUFS"
  | EPROTO -> "EPROTO"
  | Errno n -> Printf.sprintf "errno %d" n

let () =
  Printexc.register_printer (function
    | Error (errno, message) -> Some (Printf.sprintf "Homestead.Error(%s, %S)" (string_of_errno errno) message)
    | _ -> None)

type claim = { pages : int64; node : int32 }

let no_node = -1l

type flag = Replace | Strict | Scrub

type node_memory = {
  size_pages : int64;
  free_pages : int64;
  claimed_pages : int64;
  dirty_pages : int64;
  free_2m : int64;
  free_1g : int64;
  reserved_2m : int64;
  reserved_1g : int64;
}

type host_memory = {
  host_free_pages : int64;
  host_outstanding_pages : int64;
  host_claimed_pages : int64;
  nodes : node_memory array;
}

type domain_node = { own_pages : int64; claim_pages : int64 }

type domain_memory = {
  tot_pages : int64;
  max_pages : int64;
  overhead_pages : int64;
  host_claim_pages : int64;
  outstanding_pages : int64;
  broken_pages : int64;
  per_node : domain_node array;
}

external interface_open : unit -> handle = "stub_homestead_open"
external interface_close : handle -> unit = "stub_homestead_close"
external probe : handle -> bool = "stub_homestead_probe"

(* The orders are as long as the claims, or the array is empty: none. *)
external claim : handle -> domid -> int array -> flag list -> claim array -> unit = "stub_homestead_claim"

let domain_claim_memory h domid claims = claim h domid [||] [] claims

let domain_claim_memory_flags h domid ?(orders = [||]) flags claims =
  if orders <> [||] && Array.length orders <> Array.length claims then
    invalid_arg "Homestead.domain_claim_memory_flags: as many orders as claims";
  claim h domid orders flags claims

let domain_release_claims h domid = domain_claim_memory h domid [| { pages = 0L; node = no_node } |]

external domain_get_memory_claims : handle -> domid -> claim array = "stub_homestead_read"
external domain_claim_pages : handle -> domid -> int64 -> unit = "stub_homestead_claim_host"
external host_memory : handle -> host_memory = "stub_homestead_host_memory"
external domain_memory : handle -> domid -> domain_memory = "stub_homestead_domain_memory"
external last_refusal : handle -> string = "stub_homestead_last_refusal"
external domain_overhead : int64 -> int -> int64 = "stub_homestead_overhead"
