(* A domain builder that claims: create, limit, claim, node affinity, populate, release. It builds the memory of one domain on
   two nodes (on one, where there is only one), shows that nobody else gets what is claimed, and destroys everything again.

     ocaml-builder [MIB]       default 64 MiB on each node

   Prints `@ocaml step=... result=...` lines, sentences for people between them, and `@ocaml verdict=...` at the end. On a
   hypervisor without claims on nodes it says so and claims host-wide. Exit status 0: every step went as it must. *)

let page_order_2m = 9
let pages_of_mib mib = Int64.shift_left (Int64.of_int mib) 8
let failed = ref false

(* One step, and what happened, in one line. [expect]: the errno that it must end with. *)
let step ?expect ?(facts = "") name f =
  let report result =
    Printf.printf "@ocaml step=%s result=%s%s\n%!" name result (if facts = "" then "" else " " ^ facts)
  in
  match f () with
  | value ->
    report "0";
    if expect <> None then failed := true;
    Some value
  | exception Homestead.Error (errno, message) ->
    report (Homestead.string_of_errno errno);
    Printf.printf "  %s\n%!" message;
    if expect <> Some errno then failed := true;
    None
  | exception Xc.Error (errno, call) ->
    report (Printf.sprintf "errno_%d" errno);
    Printf.printf "  %s\n%!" call;
    failed := true;
    None

let must = function Some value -> value | None -> raise Exit

type host = { xc : Xc.handle; claims : Homestead.handle; on_nodes : bool }

let create host name pages =
  let domid = must (step ("create-" ^ name) (fun () -> Xc.domain_create host.xc 1)) in
  (* Whatever stops the build from here on, the domain goes. *)
  ( domid,
    step
      ~facts:(Printf.sprintf "domain=%d pages=%Ld" domid pages)
      ("maxmem-" ^ name)
      (fun () ->
        Xc.domain_max_vcpus host.xc domid 1;
        Xc.domain_setmaxmem host.xc domid (Int64.mul pages 4L);
        (* Page tables come from the pool: filled before the claim, they use up none of it. *)
        Xc.set_paging_pool host.xc domid (Homestead.domain_overhead pages 1)) )

let destroy host name domid = ignore (step ("destroy-" ^ name) (fun () -> Xc.domain_destroy host.xc domid))

let claim_facts claims =
  let entry c =
    (if c.Homestead.node = Homestead.no_node then "host" else Int32.to_string c.Homestead.node)
    ^ ":"
    ^ Int64.to_string c.Homestead.pages
  in
  "claims=" ^ if claims = [||] then "none" else String.concat "," (Array.to_list (Array.map entry claims))

let show host domid =
  if host.on_nodes then begin
    let claims = must (step "read-back" (fun () -> Homestead.domain_get_memory_claims host.claims domid)) in
    let d = Homestead.domain_memory host.claims domid in
    Array.iteri
      (fun node (n : Homestead.domain_node) ->
        Printf.printf "@ocaml node=%d own=%Ld claim=%Ld\n%!" node n.own_pages n.claim_pages)
      d.per_node;
    Printf.printf "@ocaml domain=%d pages=%Ld outstanding=%Ld %s\n%!" domid d.tot_pages d.outstanding_pages (claim_facts claims)
  end
  else
    let pages, outstanding = Xc.domain_pages host.xc domid in
    Printf.printf "@ocaml domain=%d pages=%Ld outstanding=%Ld\n%!" domid pages outstanding

let claim host domid claims =
  let facts = Printf.sprintf "domain=%d %s" domid (claim_facts claims) in
  if host.on_nodes then step ~facts "claim" (fun () -> Homestead.domain_claim_memory host.claims domid claims)
  else
    let pages = Array.fold_left (fun sum c -> Int64.add sum c.Homestead.pages) 0L claims in
    step ~facts:(Printf.sprintf "domain=%d pages=%Ld" domid pages) "claim" (fun () ->
        Homestead.domain_claim_pages host.claims domid pages)

let release host domid =
  step "release" (fun () ->
      if host.on_nodes then Homestead.domain_release_claims host.claims domid
      else Homestead.domain_claim_pages host.claims domid 0L)

let populate host domid first pages node =
  let extents = Int64.to_int (Int64.shift_right pages page_order_2m) in
  step
    ~facts:(Printf.sprintf "domain=%d node=%d pages=%Ld" domid node pages)
    "populate"
    (fun () ->
      if Xc.populate host.xc domid first extents page_order_2m (if host.on_nodes then node else -1) < extents then
        raise (Xc.Error (12, "there was not enough memory")))

(* While the claims of the first domain are outstanding, another builder asks for more than they leave of a node: half of what
   the first has claimed there is missing. *)
let compete host nodes pages =
  let node = List.hd nodes in
  let free () = (Homestead.host_memory host.claims).nodes.(node).free_pages in
  let domid, _ = create host "rival" (free ()) in
  let wish = [| { Homestead.pages = Int64.sub (free ()) (Int64.div pages 2L); node = Int32.of_int node } |] in
  ignore
    (step ~expect:Homestead.ENOMEM
       ~facts:(Printf.sprintf "domain=%d %s" domid (claim_facts wish))
       "rival-claim"
       (fun () -> Homestead.domain_claim_memory host.claims domid wish));
  ignore
    (step ~expect:Homestead.ENOENT "rival-claim-no-node" (fun () ->
         Homestead.domain_claim_memory host.claims domid [| { Homestead.pages = 1L; node = 63l } |]));
  destroy host "rival" domid

let build host domid nodes pages =
  let entry node = { Homestead.pages; node = Int32.of_int node } in
  ignore (must (claim host domid (Array.of_list (List.map entry nodes))));
  show host domid;
  ignore (must (step "affinity" (fun () -> Xc.domain_node_setaffinity host.xc domid nodes)));
  if host.on_nodes then compete host nodes pages;
  List.iteri
    (fun i node ->
      ignore (must (populate host domid (Int64.mul (Int64.of_int i) pages) pages node));
      show host domid)
    nodes;
  ignore (must (release host domid));
  show host domid

let main mib =
  let xc = must (step "open" Xc.interface_open) in
  let claims = must (step "open-claims" Homestead.interface_open) in
  let on_nodes = must (step "probe" (fun () -> Homestead.probe claims)) in
  let host = { xc; claims; on_nodes } in
  if not on_nodes then
    print_endline "  this hypervisor has no claims on nodes; the claim is host-wide, and its memory comes from anywhere";
  let free = Xc.node_free xc in
  Array.iteri (fun node bytes -> Printf.printf "@ocaml node=%d free=%Ld\n%!" node (Int64.shift_right bytes 12)) free;
  let pages = pages_of_mib mib in
  let last = Array.length free - 1 in
  let nodes = if last > 0 then [ 0; last ] else [ 0 ] in
  let total = Int64.mul pages (Int64.of_int (List.length nodes)) in
  let domid, limited = create host "guest" total in
  (try
     ignore (must limited);
     build host domid nodes pages
   with Exit -> failed := true);
  destroy host "guest" domid;
  if on_nodes then begin
    let after = must (step "figures" (fun () -> Homestead.host_memory claims)) in
    Printf.printf "@ocaml free=%Ld outstanding=%Ld\n  %s\n%!" after.host_free_pages after.host_outstanding_pages
      (Homestead.last_refusal claims)
  end;
  Homestead.interface_close claims

let () =
  let mib = match Sys.argv with [| _ |] -> Some 64 | [| _; mib |] -> int_of_string_opt mib | _ -> None in
  match mib with
  | Some mib when mib > 0 && mib <= 1 lsl 20 && mib mod 2 = 0 ->
    (try main mib with Exit -> failed := true);
    Printf.printf "@ocaml verdict=%s\n%!" (if !failed then "FAIL" else "PASS");
    exit (if !failed then 1 else 0)
  | _ ->
    prerr_endline "usage: ocaml-builder [MIB]    an even number of MiB on each node";
    exit 2
