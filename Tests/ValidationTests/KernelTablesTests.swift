import CostModel
import Foundation
import Messages
import SimulationKernel
import Testing

@testable import Validation

/// A folder of small files, gone with the value.
final class SmallFiles {
  let path: String

  init(_ files: [String: String]) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    path = folder.path()
    for (name, text) in files {
      let file = folder.appending(path: name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The message of what reading the folder throws, the folder's own path cut out.
  func message(_ layout: KernelTables.Layout) -> String? {
    do {
      _ = try KernelTables(layout: layout, folder: path)
      return nil
    } catch {
      return "\((error as? UserError)?.message ?? "\(error)")"
        .replacingOccurrences(of: path, with: "DIR")
    }
  }
}

@Suite struct KernelTablesTests {
  static let gemmHeader = "gemm_dtype,m,n,k,latency_ms\n"

  /// 20 products of different rows, 0.1 ms each.
  static let gemmRows = (1...20).map { "bfloat16,\($0),64,64,0.1\n" }.joined()

  @Test(arguments: [
    ("0", "`latency_ms` must be a positive time, found `0`"),
    ("-1", "`latency_ms` must be a number of at least 0, found `-1`"),
    ("nan", "`latency_ms` must be a number of at least 0, found `nan`"),
    ("", "`latency_ms` is empty"),
    ("fast", "`latency_ms` must be a number, found `fast`"),
    (
      "1e300",
      "`latency_ms` is `1e300`, which is 1e+297 s: no kernel takes less than 1 ns or more than 1 h"
    ),
    (
      "5e-7",
      "`latency_ms` is `5e-7`, which is 5e-10 s: no kernel takes less than 1 ns or more than 1 h"
    ),
  ])
  func aTimeThatCannotBeStopsWithItsLine(_ time: String, _ reason: String) throws {
    let files = try SmallFiles(
      ["gemm.csv": Self.gemmHeader + Self.gemmRows + "bfloat16,21,64,64,\(time)\n"])
    #expect(files.message(.aiconfigurator) == "DIR/gemm.csv:22: \(reason)")
  }

  @Test func aSizeIsWhole() throws {
    let files = try SmallFiles(
      ["gemm.csv": Self.gemmHeader + Self.gemmRows + "bfloat16,1.5,64,64,0.1\n"])
    #expect(
      files.message(.aiconfigurator)
        == "DIR/gemm.csv:22: `m` must be a whole number up to 10¹², found `1.5`")
  }

  @Test func aMissingColumnIsNamed() throws {
    let layouts: [(KernelTables.Layout, String, String, String)] = [
      (.aiconfigurator, "gemm.csv", "m,n,k,latency_ms\n1,1,1,1\n", "`gemm_dtype`"),
      (.kvplan, "gemm.csv", "m,n,time_us\n1,1,1\n", "`k`"),
      (
        .llmservingsim, "Llama-3.1-8B/tp1/dense.csv", "layer,tokens\nqkv_proj,1\n", "`time_us`"
      ),
      (
        .vidur, "a100_network.csv", "latency_ms,num_workers,collective\n1,2,all_reduce\n",
        "`size_bytes`"
      ),
    ]
    for (layout, file, text, column) in layouts {
      let files = try SmallFiles([file: text])
      let message = try #require(files.message(layout))
      #expect(message.hasPrefix("DIR/\(file):1: no column"), "\(message)")
      #expect(message.contains(column), "\(message)")
    }
  }

  /// A product of 1 row that takes twice as long as larger ones is counted, and stays among the rows.
  @Test func rowsThatCannotBeAreSaid() throws {
    let rows = (1...24).map { "bfloat16,\($0),64,64,\($0 == 1 ? 0.2 : 0.1)\n" }.joined()
    let files = try SmallFiles(["gemm.csv": Self.gemmHeader + rows])
    let tables = try KernelTables(layout: .aiconfigurator, folder: files.path)
    #expect(
      tables.warnings == [
        "gemm bfloat16: 1 rows take over 1.3 times as long as larger ones, which cannot be: left out "
          + "of the table; held out, they count"
      ])
    #expect(tables.operators.map(\.count) == [24])
  }

  @Test func rowsOfOneKeyAreAveragedAndSaid() throws {
    let files = try SmallFiles(
      ["gemm.csv": Self.gemmHeader + Self.gemmRows + "bfloat16,20,64,64,0.3\n"])
    let tables = try KernelTables(layout: .aiconfigurator, folder: files.path)
    #expect(
      tables.warnings == [
        "gemm bfloat16: 1 rows repeat a key; their times are averaged, although they differ up to 3.0 times"
      ])
    #expect(tables.operators.count == 1 && tables.operators[0].count == 20)
    let last = try #require(tables.operators[0].last)
    #expect(last.sizes == [20, 64, 64])
    #expect(abs(last.seconds - 0.2e-3) < 1e-12)
  }

  @Test func tooFewRowsAreNotFitted() throws {
    let few = try SmallFiles(["gemm.csv": Self.gemmHeader + "bfloat16,1,64,64,0.1\n"])
    #expect(few.message(.aiconfigurator) == "no operator of `DIR` has the 20 rows that a fit needs")
    let one = try SmallFiles([
      "gemm.csv": Self.gemmHeader + Self.gemmRows + "fp8,1,64,64,0.1\n"
    ])
    let tables = try KernelTables(layout: .aiconfigurator, folder: one.path)
    #expect(
      tables.warnings == ["gemm fp8: 1 rows are too few to fit (20 needed): left out"])
    #expect(tables.operators.map { $0[0].op.name } == ["gemm bfloat16"])
  }

  @Test func aFolderWithoutTablesIsRefused() throws {
    let files = try SmallFiles(["notes.txt": "nothing"])
    #expect(files.message(.vidur) == "`DIR` has no table in the layout `vidur`")
    #expect(
      try #require(files.message(.kvplan)) == "`DIR` has no table in the layout `kvplan`")
  }

  @Test func aRowOfAnotherWidthIsRefused() throws {
    let files = try SmallFiles(["gemm.csv": Self.gemmHeader + "bfloat16,1,64,64\n"])
    #expect(files.message(.aiconfigurator) == "DIR/gemm.csv:2: 4 fields, the header has 5")
  }

  /// A chunk of 64 tokens takes 100 µs alone, and 100 + 10 × sequences with decoding ones beside it.
  @Test func whatDecodingAddsToAChunkIsReadFromMixedRows() throws {
    var text = "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n64,0,0,0,100\n"
    for sequences in 1...30 { text += "64,0,\(sequences),512,\(100 + 10 * sequences)\n" }
    // Beside a chunk that has a context: not read.
    text += "64,128,30,512,900\n"
    let files = try SmallFiles(["rtx/Llama-3.1-8B/tp1/attention.csv": text])
    let tables = try KernelTables(layout: .llmservingsim, folder: files.path)
    let rows = try #require(tables.operators.first { $0[0].op.kind == .decodeBesidePrompt })
    // Less than 30 % of the chunk's own time is not counted: 4 to 30 sequences are.
    #expect(rows.map { $0.sizes[0] } == (4...30).map(Double.init))
    #expect(rows[0].sizes == [4, 32, 8, 512, 64])
    #expect(abs(rows[0].seconds - 40e-6) < 1e-12)
  }

  @Test func aShortFileOfOurOwnLayoutSaysWhichTypesThereAre() throws {
    let files = try SmallFiles(["gemm.csv": "m,n,k,time_us,dtype\n1,1,1,1,fp7\n"])
    #expect(
      files.message(.kvplan)
        == "DIR/gemm.csv:2: `dtype` must be one of `bfloat16`, `fp8`, `int8`, `int4`, `nvfp4`, found `fp7`"
    )
  }

  static let expertsHeader =
    "kernel_source,moe_dtype,num_tokens,hidden_size,inter_size,topk,num_experts,moe_tp_size,"
    + "moe_ep_size,distribution,latency_ms\n"

  /// Experts and latent attention stand in a folder for each engine; an expert's width is that of its cut.
  @Test func enginesHaveKernelsOfTheirOwn() throws {
    let experts = (1...20).map { "triton,fp8_block,\($0),64,32,2,8,4,1,power_law_1.01,0.1\n" }
    let latent = (1...20).map { "fp8,16,\($0),1,127,0.1\n" }
    let files = try SmallFiles([
      "vllm/moe.csv": Self.expertsHeader + experts.joined(),
      "sglang/generation_mla.csv":
        "kv_cache_dtype,num_heads,batch_size,tp_size,step,latency_ms\n" + latent.joined(),
    ])
    let tables = try KernelTables(layout: .aiconfigurator, folder: files.path)
    let rows = try #require(tables.operators.first { $0[0].op.kind == .experts })
    #expect(rows[0].op.library == .vllm && rows[0].op.kernel == "fp8_block/triton")
    #expect(rows[0].op.elements == .fp8 && rows[0].sizes == [1, 64, 8, 2, 8, 1, 1.01])
    let decode = try #require(tables.operators.first { $0[0].op.kind == .latentDecode })
    // 127 tokens are cached and one is computed.
    #expect(decode[0].op.library == .sglang && decode[0].sizes == [1, 16, 128])
  }

  /// An all-gather and the reduce-scatter of the same size are one time; of several versions the newest is read, and of
  /// elements those of 16 bits.
  @Test func gathersAreReadFromTheNewestNCCL() throws {
    let header = "op_name,nccl_dtype,num_gpus,message_size,latency_ms\n"
    let pairs = (1...20).map {
      "all_gather,half,4,\($0 * 512),0.2\nreduce_scatter,half,4,\($0 * 512),0.3\n"
        + "all_gather,int8,4,\($0 * 512),9\nall_reduce,half,4,\($0 * 512),9\n"
    }
    let files = try SmallFiles([
      "nccl_2.9.csv": header + pairs.joined().replacingOccurrences(of: ",0.2\n", with: ",7\n"),
      "nccl_2.27.csv": header + pairs.joined() + "all_gather,half,4,99999,0.2\n",
    ])
    let tables = try KernelTables(layout: .aiconfigurator, folder: files.path)
    let rows = try #require(tables.operators.first)
    #expect(tables.operators.count == 1)
    #expect(rows[0].op.name == "all-gather and reduce-scatter 4 GPUs" && rows.count == 20)
    #expect(rows[0].sizes == [1024] && abs(rows[0].seconds - 0.5e-3) < 1e-12)
    #expect(
      tables.warnings.map { $0.replacingOccurrences(of: files.path, with: "DIR") } == [
        "DIR/nccl_2.27.csv: 1 all-gathers are left out: no reduce-scatter of their size"
      ])
  }

  static let statesHeader =
    "kernel_source,phase,batch_size,seq_len,num_tokens,num_k_heads,num_v_heads,latency_ms\n"

  /// The kernels of a layer with a state, by what they do; the convolution is as wide as queries, keys and values.
  @Test func statesHaveKernelsForPromptsAndTokens() throws {
    let kernels = [
      "causal_conv1d_fn,context", "chunk,context", "causal_conv1d_update,generation",
      "packed_decode,generation",
    ]
    let rows = kernels.flatMap { kernel in (1...20).map { "\(kernel),\($0),64,64,2,6,0.1\n" } }
    let left = [
      "recurrent,verify,1,2,2,2,6,0.1\n", "causal_conv1d_fn_qkv3,context,1,1,1,2,6,0.8\n",
    ]
    let files = try SmallFiles([
      "vllm/gdn.csv": Self.statesHeader + rows.joined(),
      "vllm/kda.csv": Self.statesHeader + left.joined(),
    ])
    let tables = try KernelTables(layout: .aiconfigurator, folder: files.path)
    #expect(
      tables.operators.map { "\($0[0].op.name): \($0[0].sizes)" } == [
        "convolution gdn/causal_conv1d_fn: [1.0, 1280.0, 64.0]",
        "convolution gdn/causal_conv1d_update: [1.0, 1280.0, 1.0]",
        "recurrent decode gdn/packed_decode: [1.0, 2.0, 6.0]",
        "recurrent prompt gdn/chunk: [1.0, 2.0, 6.0, 64.0]",
      ])
    #expect(
      tables.warnings.map { $0.replacingOccurrences(of: files.path, with: "DIR") } == [
        "DIR/vllm/kda.csv: 1 rows of `verify` are left out: states beside drafts have no price of their own",
        "DIR/vllm/kda.csv: 1 rows of three convolutions are left out: their times are the host's, not the kernels' "
          + "(800 µs whatever the size)",
      ])
    let wrong = try SmallFiles(["gdn.csv": Self.statesHeader + "k,mixed,1,1,1,2,6,0.1\n"])
    #expect(
      wrong.message(.aiconfigurator)
        == "DIR/gdn.csv:2: `phase` must be `context` or `generation`, found `mixed`")
  }

  @Test func expertsThatCannotBeAreNamed() throws {
    func message(_ row: String) throws -> String? {
      try SmallFiles(["trtllm/moe.csv": Self.expertsHeader + row]).message(.aiconfigurator)
    }
    #expect(
      try message("k,bfloat16,1,64,32,2,8,1,16,balanced,0.1\n")
        == "DIR/trtllm/moe.csv:2: `moe_ep_size` 16 exceeds `num_experts` 8")
    #expect(
      try message("k,bfloat16,1,64,32,2,0,1,1,balanced,0.1\n")
        == "DIR/trtllm/moe.csv:2: `num_experts` must be a number of at least 1, found `0`")
  }
}
