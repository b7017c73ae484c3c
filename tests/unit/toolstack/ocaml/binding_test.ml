(* toolstack/ocaml against a hypervisor that keeps what it was asked: what arrives there, and what comes back. Prints what cmocka
   would print (tools/run-unit.py). *)

external answer : int -> string -> string -> unit = "fake_answer"
external last_arg : unit -> string = "fake_last_arg"
external last_array : unit -> string = "fake_last_array"
external open_handles : unit -> int = "fake_open_handles"

let failures = ref 0

let test name f =
  match f () with
  | () -> Printf.printf "[       OK ] %s\n%!" name
  | exception e ->
    incr failures;
    Printf.printf "%s\n[  FAILED  ] %s\n%!" (Printexc.to_string e) name

let equal what show a b = if a <> b then failwith (Printf.sprintf "%s: %s, expected %s" what (show a) (show b))
let int what a b = equal what string_of_int a b
let int64 what a b = equal what Int64.to_string a b
let string what a b = equal what (fun s -> s) a b
let holds what condition = if not condition then failwith what
let u16 s at = String.get_uint16_le s at
let u32 s at = Int32.to_int (String.get_int32_le s at) land 0xffffffff
let u64 s at = String.get_int64_le s at

(* Bytes that are 0 but for these fields: offset, bytes, value. *)
let bytes size fields =
  let b = Bytes.make size '\000' in
  List.iter
    (fun (at, n, value) ->
      for i = 0 to n - 1 do
        Bytes.set_uint8 b (at + i) (Int64.to_int (Int64.shift_right_logical value (8 * i)) land 255)
      done)
    fields;
  Bytes.to_string b

let raises what wanted f =
  match f () with
  | _ -> failwith (what ^ ": no exception")
  | exception Homestead.Error (errno, message) ->
    string what (Homestead.string_of_errno errno) (Homestead.string_of_errno wanted);
    holds (what ^ ": a sentence") (String.length message > 8);
    message

let invalid what f =
  match f () with _ -> failwith (what ^ ": no exception") | exception Invalid_argument _ -> ()

let h = Homestead.interface_open ()
let claim pages node = { Homestead.pages; node }

let claims () =
  answer 0 "" "";
  Homestead.domain_claim_memory h 7 [| claim 0x1122334455667788L 1l; claim 5L (-1l) |];
  let arg = last_arg () and set = last_array () in
  int "bytes" (String.length arg) 144;
  int "cmd" (u32 arg 0) 91;
  int "version" (u32 arg 4) 0x15;
  int "domain" (u16 arg 8) 7;
  int "entries" (u32 arg 24) 2;
  int "flags" (u32 arg 28) 0;
  int "array" (String.length set) 32;
  int64 "pages" (u64 set 0) 0x1122334455667788L;
  int64 "node" (u64 set 8) 1L;
  int64 "pages" (u64 set 16) 5L;
  int64 "host-wide" (u64 set 24) 0xffffffffL

let flags () =
  answer 0 "" "";
  Homestead.domain_claim_memory_flags h 1 ~orders:[| 9; 0 |] [ Homestead.Scrub; Homestead.Replace ]
    [| claim 512L 0l; claim 1L Homestead.no_node |];
  int "flags" (u32 (last_arg ()) 28) 0xd0000;
  int64 "order" (u64 (last_array ()) 8) 0x900000000L;
  Homestead.domain_claim_memory_flags h 1 [ Homestead.Strict ] [| claim 512L 0l |];
  int "strict" (u32 (last_arg ()) 28) 0x20000;
  invalid "too few orders" (fun () ->
      Homestead.domain_claim_memory_flags h 1 ~orders:[| 9 |] [] [| claim 512L 0l; claim 1L 1l |])

let release () =
  answer 0 "" "";
  Homestead.domain_release_claims h 9;
  int "entries" (u32 (last_arg ()) 24) 1;
  int64 "pages" (u64 (last_array ()) 0) 0L;
  int64 "node" (u64 (last_array ()) 8) 0xffffffffL

let host_wide () =
  answer 0 "" "";
  Homestead.domain_claim_pages h 3 77L;
  int "bytes" (String.length (last_arg ())) 32;
  int64 "pages" (u64 (last_arg ()) 8) 77L;
  int "domain" (u16 (last_arg ()) 24) 3

let arguments () =
  answer 0 "" "";
  invalid "negative pages" (fun () -> Homestead.domain_claim_memory h 1 [| claim (-1L) 0l |]);
  invalid "node -2" (fun () -> Homestead.domain_claim_memory h 1 [| claim 1L (-2l) |]);
  invalid "host-wide" (fun () -> Homestead.domain_claim_pages h 1 (-1L));
  List.iter
    (fun domid ->
      ignore (raises "domain" Homestead.ESRCH (fun () -> Homestead.domain_claim_memory h domid [| claim 1L 0l |])))
    [ -1; 65536; 65537; max_int; min_int ];
  (* More than the hypervisor takes is for it to say. *)
  answer (-7) "" "";
  string "many" (raises "many" Homestead.E2BIG (fun () -> Homestead.domain_claim_memory h 1 (Array.make 5000 (claim 1L 0l))))
    "the set has 5000 entries; there can be one for each node and a host-wide one";
  int "asked with one too many" (u32 (last_arg ()) 24) 66;
  (* An order is not cut to one that there is: 2^32 + 9 is not 9. *)
  answer (-1) "" "";
  List.iter
    (fun order ->
      ignore
        (raises "order" Homestead.EPERM (fun () ->
             Homestead.domain_claim_memory_flags h 1 ~orders:[| order |] [] [| claim 512L 0l |]));
      int "pad" (u32 (last_array ()) 12) 0xffffffff)
    [ 0x1_0000_0009; -1; max_int; min_int ];
  invalid "orders" (fun () -> Homestead.domain_claim_memory_flags h 1 ~orders:[| 9 |] [] [||]);
  invalid "pages of a pool" (fun () -> ignore (Homestead.domain_overhead (-1L) 1));
  List.iter (fun vcpus -> invalid "vCPUs" (fun () -> ignore (Homestead.domain_overhead 1L vcpus))) [ -1; 0x1_0000_0001; min_int ]

let errors () =
  List.iter
    (fun (number, errno) ->
      answer (-number) "" "";
      let call () = Homestead.domain_claim_memory h 1 [| claim 1L 0l |] in
      ignore (raises "claim" errno call);
      ignore (raises "figures" errno (fun () -> Homestead.host_memory h)))
    Homestead.
      [
        (1, EPERM); (2, ENOENT); (3, ESRCH); (7, E2BIG); (12, ENOMEM); (13, EACCES); (14, EFAULT); (22, EINVAL);
        (38, ENOSYS); (105, ENOBUFS); (71, EPROTO); (5, Errno 5);
      ];
  answer (-3) "" "";
  let message = raises "words" Homestead.ESRCH (fun () -> Homestead.domain_claim_memory h 12 [| claim 1L 0l |]) in
  string "words" message "there is no domain 12"

let probe () =
  answer 0 "" "";
  holds "there" (Homestead.probe h);
  answer (-38) "" "";
  holds "not there" (not (Homestead.probe h));
  answer (-1) "" "";
  ignore (raises "unknown" Homestead.EPERM (fun () -> Homestead.probe h))

let read_back () =
  answer 0
    (bytes 144 [ (24, 4, 2L) ])
    (bytes 32 [ (0, 8, 6L); (8, 4, 0xffffffffL); (16, 8, 0x123456789aL); (24, 4, 3L) ]);
  let got = Homestead.domain_get_memory_claims h 1 in
  int "entries" (Array.length got) 2;
  holds "host-wide" (got.(0) = claim 6L Homestead.no_node);
  holds "node" (got.(1) = claim 0x123456789aL 3l);
  answer 0 "" "";
  (* As many as there was room for: the reply has not changed the number. None is another matter. *)
  int "as many" (Array.length (Homestead.domain_get_memory_claims h 1)) 65

let figures () =
  let numbers n = List.init n (fun i -> (8 * i, 8, Int64.of_int (0x1000 + i))) in
  answer 0 (bytes 136 [ (8, 4, 2L); (24, 8, 11L); (32, 8, 12L); (40, 8, 13L) ]) (bytes 144 (numbers 18));
  let host = Homestead.host_memory h in
  int64 "free" host.host_free_pages 11L;
  int64 "outstanding" host.host_outstanding_pages 12L;
  int64 "host-wide" host.host_claimed_pages 13L;
  int "nodes" (Array.length host.nodes) 2;
  int64 "size" host.nodes.(1).size_pages 0x1009L;
  int64 "claimed" host.nodes.(1).claimed_pages 0x100bL;
  int64 "free 2m" host.nodes.(1).free_2m 0x100eL;
  int64 "reserved 1g" host.nodes.(1).reserved_1g 0x1011L;
  answer 0
    (bytes 136 [ (12, 4, 1L); (24, 8, 1L); (32, 8, 2L); (40, 8, 3L); (48, 8, 4L); (56, 8, 5L); (64, 8, 6L) ])
    (bytes 32 (numbers 4));
  let d = Homestead.domain_memory h 1 in
  holds "a domain"
    ((d.tot_pages, d.max_pages, d.overhead_pages, d.host_claim_pages, d.outstanding_pages, d.broken_pages)
    = (1L, 2L, 3L, 4L, 5L, 6L));
  holds "its node" (d.per_node = [| { Homestead.own_pages = 0x1000L; claim_pages = 0x1001L } |]);
  int64 "overhead" (Homestead.domain_overhead 131072L 1) 3145728L

let refusal () =
  answer 0 "" (bytes 248 [ (16, 4, 1L); (20, 2, 5L); (24, 4, 1L); (32, 8, 512L) ]);
  string "words" (Homestead.last_refusal h)
    "domain 5 asked for a claim of 2 MiB on node 1; 0 KiB are free there, and nothing is claimed"

let handles () =
  answer 0 "" "";
  let before = open_handles () in
  let other = Homestead.interface_open () in
  int "one more" (open_handles ()) (before + 1);
  Homestead.interface_close other;
  Homestead.interface_close other;
  int "closed" (open_handles ()) before;
  invalid "closed" (fun () -> Homestead.domain_release_claims other 1);
  invalid "closed" (fun () -> Homestead.probe other);
  for _ = 1 to 100 do
    Homestead.domain_release_claims (Homestead.interface_open ()) 1
  done;
  Gc.full_major ();
  int "collected" (open_handles ()) before

(* Every allocation of the stubs meets a moving heap. *)
let moving_heap () =
  Gc.set { (Gc.get ()) with minor_heap_size = 512; space_overhead = 1 };
  for i = 1 to 200 do
    read_back ();
    figures ();
    claims ();
    errors ();
    if i mod 50 = 0 then Gc.compact ()
  done

let () =
  test "claims" claims;
  test "flags" flags;
  test "release" release;
  test "host_wide" host_wide;
  test "arguments" arguments;
  test "errors" errors;
  test "probe" probe;
  test "read_back" read_back;
  test "figures" figures;
  test "refusal" refusal;
  test "handles" handles;
  test "moving_heap" moving_heap;
  exit (if !failures = 0 then 0 else 1)
