type handle

exception Error of int * string

let () = Callback.register_exception "homestead.builder.xc" (Error (0, ""))

let () =
  Printexc.register_printer (function Error (errno, call) -> Some (Printf.sprintf "Xc.Error(%d, %s)" errno call) | _ -> None)

external interface_open : unit -> handle = "stub_builder_open"
external domain_create : handle -> int -> int = "stub_builder_create"
external domain_setmaxmem : handle -> int -> int64 -> unit = "stub_builder_setmaxmem"
external domain_max_vcpus : handle -> int -> int -> unit = "stub_builder_max_vcpus"
external set_paging_pool : handle -> int -> int64 -> unit = "stub_builder_paging_pool"
external setaffinity : handle -> int -> int array -> unit = "stub_builder_setaffinity"

let domain_node_setaffinity h domid nodes = setaffinity h domid (Array.of_list nodes)

external populate : handle -> int -> int64 -> int -> int -> int -> int
  = "stub_builder_populate_bytecode" "stub_builder_populate"

external domain_pages : handle -> int -> int64 * int64 = "stub_builder_pages"
external domain_destroy : handle -> int -> unit = "stub_builder_destroy"
external node_free : handle -> int64 array = "stub_builder_node_free"
