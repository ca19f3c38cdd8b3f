import Messages
import Testing

@testable import EngineCommands

/// Command lines as people published them, and what becomes of each flag.
///
/// Of each line only the flags are facts of others: they stand as in vLLM's recipes, the issues of vLLM and SGLang, the
/// documentation of the three engines, and scripts in public repositories.
@Suite struct PublishedCommandTests {
  struct Line: CustomTestStringConvertible, Sendable {
    let source: String
    let text: String
    /// Ours, without dashes, in order.
    let becomes: String
    /// Flags that change nothing.
    var idle = ""
    /// Flags that are not simulated.
    var unsimulated: [String] = []
    var testDescription: String { source }
  }

  @Test(arguments: Line.vllm + Line.others) func isTakenAsItStands(_ line: Line) throws {
    let read = try EngineCommandLine(line.text)
    #expect(
      read.settings.map { String($0.word.dropFirst(2)) }.joined(separator: " ") == line.becomes)
    #expect(read.idle.joined(separator: " ") == line.idle)
    #expect(read.effects.flatMap(\.flags) == line.unsimulated)
  }

  @Test func thereAreTwentyFive() { #expect((Line.vllm + Line.others).count >= 25) }
}

extension PublishedCommandTests.Line {
  static let vllm: [Self] = [
    Self(
      source: "vLLM recipes, gpt-oss evaluation",
      text: """
        # Example deployment on 8xH100
        vllm serve openai/gpt-oss-120b \\
          --tensor_parallel_size 8 \\
          --max-model-len 131072 \\
          --max-num-batched-tokens 10240 \\
          --max-num-seqs 128 \\
          --gpu-memory-utilization 0.85 \\
          --no-enable-prefix-caching
        """,
      becomes: """
        system=vllm-v1 model=openai/gpt-oss-120b tensor-parallel-size=8 max-model-len=131072 \
        max-num-batched-tokens=10240 max-num-seqs=128 gpu-memory-utilization=0.85 no-enable-prefix-caching
        """),
    Self(
      source: "vLLM recipes, gpt-oss in a container",
      text: """
        docker run --gpus all \\
            -p 8000:8000 \\
            --ipc=host \\
            vllm/vllm-openai \\
            --model openai/gpt-oss-20b
        """,
      becomes: "system=vllm-v1 model=openai/gpt-oss-20b"),
    Self(
      source: "vLLM recipes, gpt-oss on MI300X",
      text: """
        export HSA_NO_SCRATCH_RECLAIM=1
        export VLLM_ROCM_USE_AITER=1

        vllm serve openai/gpt-oss-120b --tensor-parallel-size=8 \
        --attention-backend ROCM_AITER_UNIFIED_ATTN -cc.pass_config.fuse_rope_kvcache=True \
        -cc.use_inductor_graph_partition=True --gpu-memory-utilization 0.95 --block-size=64
        """,
      becomes:
        "system=vllm-v1 model=openai/gpt-oss-120b tensor-parallel-size=8 gpu-memory-utilization=0.95 block-size=64",
      idle: "--attention-backend -cc HSA_NO_SCRATCH_RECLAIM VLLM_ROCM_USE_AITER"),
    Self(
      source: "vLLM recipes, gpt-oss with a file of settings",
      text:
        "vllm serve openai/gpt-oss-120b \\\n  --config ${YAML_CONFIG} \\\n  --tensor-parallel-size 1 &",
      becomes: "system=vllm-v1 model=openai/gpt-oss-120b tensor-parallel-size=1",
      unsimulated: ["--config ${YAML_CONFIG}"]),
    Self(
      source: "vLLM recipes, Qwen3-Next with MTP",
      text: """
        vllm serve Qwen/Qwen3-Next-80B-A3B-Instruct  \\
        --tokenizer-mode auto  --gpu-memory-utilization 0.8 \\
        --speculative-config '{"method": "qwen3_next_mtp", "num_speculative_tokens": 2}' \\
        --tensor-parallel-size 4 --no-enable-chunked-prefill
        """,
      becomes: """
        system=vllm-v1 model=Qwen/Qwen3-Next-80B-A3B-Instruct gpu-memory-utilization=0.8 \
        speculative-config={"method": "qwen3_next_mtp", "num_speculative_tokens": 2} \
        tensor-parallel-size=4 no-enable-chunked-prefill
        """, idle: "--tokenizer-mode"),
    Self(
      source: "vLLM recipes, DeepSeek-V3.1 on AMD",
      text: """
        SAFETENSORS_FAST_GPU=1 \\
        VLLM_ROCM_USE_AITER=1 \\
        vllm serve deepseek-ai/DeepSeek-V3.1 \\
          --tensor-parallel-size 8 \\
          --enable-expert-parallel
        """,
      becomes:
        "system=vllm-v1 model=deepseek-ai/DeepSeek-V3.1 tensor-parallel-size=8 enable-expert-parallel",
      idle: "SAFETENSORS_FAST_GPU VLLM_ROCM_USE_AITER"),
    Self(
      source: "vLLM recipes, DeepSeek-V3.1, lines without backslashes",
      text: """
        vllm serve deepseek-ai/DeepSeek-V3.1
            --enable-auto-tool-choice
            --tool-call-parser deepseek_v31
            --chat-template examples/tool_chat_template_deepseekv31.jinja
        """,
      becomes: "system=vllm-v1 model=deepseek-ai/DeepSeek-V3.1",
      idle: "--enable-auto-tool-choice --tool-call-parser --chat-template"),
    Self(
      source: "vLLM recipes, Kimi-K2 on two nodes of H800",
      text: """
        vllm serve /dev/shm/Kimi-K2-Instruct --trust-remote-code --tokenizer-mode auto --tensor-parallel-size 8 \
        --pipeline-parallel-size 2 --dtype bfloat16 --quantization fp8 --max-model-len 2048 --max-num-seqs 1 \
        --max-num-batched-tokens 1024 --enable-chunked-prefill --disable-log-requests --kv-cache-dtype fp8
        """,
      becomes: """
        system=vllm-v1 model=/dev/shm/Kimi-K2-Instruct tensor-parallel-size=8 pipeline-parallel-size=2 \
        quantization=fp8 max-model-len=2048 max-num-seqs=1 max-num-batched-tokens=1024 enable-chunked-prefill \
        kv-cache-dtype=fp8
        """, idle: "--trust-remote-code --tokenizer-mode --dtype --disable-log-requests"),
    Self(
      source: "vLLM recipes, Kimi-K2, data and expert parallel",
      text: """
        vllm serve $MODEL_PATH --port 8000 --served-model-name kimi-k2 --trust-remote-code --data-parallel-size 16 \
        --data-parallel-size-local 8 --data-parallel-address $MASTER_IP --data-parallel-rpc-port $PORT \
        --enable-expert-parallel --max-num-batched-tokens 8192 --max-num-seqs 256 --gpu-memory-utilization 0.85
        """,
      becomes: """
        system=vllm-v1 model=$MODEL_PATH data-parallel-size=16 enable-expert-parallel max-num-batched-tokens=8192 \
        max-num-seqs=256 gpu-memory-utilization=0.85
        """,
      idle: """
        --port --served-model-name --trust-remote-code --data-parallel-size-local --data-parallel-address \
        --data-parallel-rpc-port
        """),
    Self(
      source: "vllm#7456",
      text: """
        $ vllm serve /models/Meta-Llama-3.1-405B-Instruct -tp 8 -pp 2 --speculative-model \
        /models/Meta-Llama-3.1-8B-Instruct --use-v2-block-manager --num-speculative-tokens 5
        """,
      becomes:
        "system=vllm-v1 model=/models/Meta-Llama-3.1-405B-Instruct tensor-parallel-size=8 pipeline-parallel-size=2",
      idle: "--use-v2-block-manager --num-speculative-tokens", unsimulated: ["--speculative-model"]),
    Self(
      source: "vllm#52435",
      text: """
        vllm serve /app/data/deepseek-v4-flash-0731/model \\
          --gpu-memory-utilization 0.875 \\
          --kv-cache-dtype fp8 \\
          --block-size 256 \\
          --pipeline-parallel-size 3 \\
          --moe-backend deep_gemm_mega_moe \\
          --attention-config '{"use_fp4_indexer_cache": true}' \\
          --speculative-config '{"method":"dspark","num_speculative_tokens":7}' \\
          --reasoning-config '{"reasoning_parser":"deepseek_v4","reasoning_start_str":""}' \\
          --default-chat-template-kwargs '{"temperature": 1.0, "top_p":0.95}' \\
          --middleware src.timing_middleware.log_timing_middleware
        """,
      becomes: """
        system=vllm-v1 model=/app/data/deepseek-v4-flash-0731/model gpu-memory-utilization=0.875 \
        kv-cache-dtype=fp8 block-size=256 pipeline-parallel-size=3 \
        speculative-config={"method":"dspark","num_speculative_tokens":7}
        """,
      idle:
        "--moe-backend --attention-config --reasoning-config --default-chat-template-kwargs --middleware"
    ),
    Self(
      source: "vllm#8879",
      text:
        "  vllm serve  unsloth/Llama-3.2-11B-Vision-Instruct  --tensor-parallel-size 4   --enforce-eager --max-num-seqs 16 ",
      becomes: """
        system=vllm-v1 model=unsloth/Llama-3.2-11B-Vision-Instruct tensor-parallel-size=4 enforce-eager \
        max-num-seqs=16
        """, unsimulated: ["--enforce-eager"]),
    Self(
      source: "vllm#36861",
      text: """
        python3 -m vllm.entrypoints.openai.api_server --served-model-name Qwen3.5-35B-A3B --model \
        /athena/Qwen3.5-35B-A3B --gpu-memory-utilization 0.9 --tensor-parallel-size 1 --pipeline-parallel-size 4 \
        --max-model-len 160000 --max-num-batched-tokens 4096 --max-num-seqs 32
        """,
      becomes: """
        system=vllm-v1 model=/athena/Qwen3.5-35B-A3B gpu-memory-utilization=0.9 tensor-parallel-size=1 \
        pipeline-parallel-size=4 max-model-len=160000 max-num-batched-tokens=4096 max-num-seqs=32
        """, idle: "--served-model-name"),
    Self(
      source: "vllm#49011",
      text: """
        (.venv312) user@host:~/py312cuda130$ vllm serve unsloth/Qwen3.6-27B-NVFP4   --host 0.0.0.0   --port 8000   \
        --served-model-name qwen3.6   --tensor-parallel-size 1   --gpu-memory-utilization 0.7   --max-model-len 1048576   \
        --max-num-seqs 1   --max-num-batched-tokens 32768   --enable-prefix-caching   --enable-chunked-prefill   \
        --async-scheduling   --trust-remote-code   --load-format fastsafetensors   --reasoning-parser qwen3   \
        --tool-call-parser qwen3_xml   --enable-auto-tool-choice   --kv-cache-dtype nvfp4   --attention-backend FLASHINFER \
        --enable-flashinfer-autotune
        """,
      becomes: """
        system=vllm-v1 model=unsloth/Qwen3.6-27B-NVFP4 tensor-parallel-size=1 gpu-memory-utilization=0.7 \
        max-model-len=1048576 max-num-seqs=1 max-num-batched-tokens=32768 enable-prefix-caching enable-chunked-prefill \
        async-scheduling
        """,
      idle: """
        --host --port --served-model-name --trust-remote-code --load-format --reasoning-parser --tool-call-parser \
        --enable-auto-tool-choice --attention-backend --enable-flashinfer-autotune
        """, unsimulated: ["--kv-cache-dtype nvfp4"]),
  ]

  static let others: [Self] = [
    Self(
      source: "sglang#7883",
      text: """
        python -m sglang.launch_server --model-path \
        /cache/hub/models--Qwen--Qwen3-8B/snapshots/2069b3fae1114555f3c020c81410e51fa0f656f2
        """,
      becomes:
        "system=sglang model=/cache/hub/models--Qwen--Qwen3-8B/snapshots/2069b3fae1114555f3c020c81410e51fa0f656f2"
    ),
    Self(
      source: "sglang#6296",
      text: """
        python -m sglang.launch_server \\
            --model-path /data2/deepseek-ai/DeepSeek-R1 \\
            --port 2233 \\
            --dist-init-addr 10.93.75.30:1235 --nnodes 2 --node-rank $1 \\
            --tp-size 16 \\
            --dp-size 8 \\
            --enable-dp-attention \\
            --mem-fraction-static 0.7 \\
            --disable-radix-cache \\
            --speculative-algorithm EAGLE \\
            --speculative-num-steps 1  \\
            --speculative-eagle-topk 1 \\
            --speculative-num-draft-tokens 2
        """,
      becomes: """
        system=sglang model=/data2/deepseek-ai/DeepSeek-R1 tensor-parallel-size=2 data-parallel-size=8 \
        gpu-memory-utilization=0.7 no-enable-prefix-caching speculative-algorithm=EAGLE \
        speculative-num-steps=1 speculative-eagle-topk=1 speculative-num-draft-tokens=2
        """,
      idle: "--port --dist-init-addr --nnodes --node-rank"),
    Self(
      source: "A script with comments among its lines",
      text: """
        SGLANG_USE_AITER=1 \\
        python3 -m sglang.launch_server \\
        --model-path /data/models/DeepSeek-R1/ \\
        --tp-size 8 \\
        --chunked-prefill-size 130172 \\
        --max-running-requests 128 \\
        --mem-fraction-static 0.85 \\
        # --enable-torch-compile \\
        # --dp-size 8 \\
        #2>&1 | tee -a ${LOG}.log
        """,
      becomes: """
        system=sglang model=/data/models/DeepSeek-R1/ tensor-parallel-size=8 max-num-batched-tokens=130172 \
        max-num-seqs=128 gpu-memory-utilization=0.85
        """, idle: "SGLANG_USE_AITER"),
    Self(
      source: "A script for DeepSeek-R1 on MI300X",
      text: """
        ZZD=1 python -m sglang.launch_server --model /A/nvme4n1p1/DeepSeek-R1-0528 --cuda-graph-max-bs=8 --tp 8  \
        --chunked-prefill-size=131072 --num-continuous-decode-steps=4 --max-prefill-tokens=131072 \
        --kv-cache-dtype fp8_e4m3 --attention-backend aiter --disable-radix-cache --mem-fraction-static=0.8 \
        --load-format dummy
        """,
      becomes: """
        system=sglang model=/A/nvme4n1p1/DeepSeek-R1-0528 tensor-parallel-size=8 max-num-batched-tokens=131072 \
        max-prefill-tokens=131072 kv-cache-dtype=fp8_e4m3 no-enable-prefix-caching gpu-memory-utilization=0.8
        """,
      idle: "--cuda-graph-max-bs --attention-backend --load-format ZZD",
      unsimulated: ["--num-continuous-decode-steps 4"]),
    Self(
      source: "A script with mixed chunks",
      text: """
        python -m sglang.launch_server \\
            --model-path Qwen/Qwen2.5-7B-Instruct \\
            --grammar-backend outlines \\
            --mem-fraction-static 0.6 \\
            --enable-memory-saver \\
            --enable-mixed-chunk \\
            --max-running-requests 64 \\

            # --decode-log-interval 1 \\
        """,
      becomes: """
        system=sglang model=Qwen/Qwen2.5-7B-Instruct gpu-memory-utilization=0.6 enable-mixed-chunk max-num-seqs=64
        """, idle: "--grammar-backend --enable-memory-saver"),
    Self(
      source: "A script for Llama-3.2-3B",
      text: """
        python -m sglang.launch_server \\
            --model-path meta-llama/Llama-3.2-3B-Instruct --tensor-parallel-size 1 --data-parallel-size 1 \\
            --chunked-prefill-size 4096 --disable-cuda-graph
        """,
      becomes: """
        system=sglang model=meta-llama/Llama-3.2-3B-Instruct tensor-parallel-size=1 max-num-batched-tokens=4096
        """, idle: "--data-parallel-size", unsimulated: ["--disable-cuda-graph"]),
    Self(
      source: "A script for two replicas of Qwen3-4B",
      text: """
        python -m sglang.launch_server \\
          --model-path Qwen/Qwen3-4B-Instruct-2507 \\
          --tp-size 2 \\
          --dp-size 2 \\
          --context-length 32768 \\
          --host 0.0.0.0
        """,
      becomes:
        "system=sglang model=Qwen/Qwen3-4B-Instruct-2507 tensor-parallel-size=2 replicas=2 max-model-len=32768",
      idle: "--host"),
    Self(
      source: "ROCm/ATOM#743",
      text: """
        python3 -m sglang.launch_server \\
            --model-path $model_path \\
            --host localhost \\
            --port 8000 \\
            --trust-remote-code \\
            --tensor-parallel-size 4 \\
            --data-parallel-size 4 \\
            --expert-parallel-size 4 \\
            --enable-dp-attention \\
            --kv-cache-dtype fp8_e4m3 \\
            --mem-fraction-static 0.9 \\
            --page-size 1 \\
            --decode-log-interval 1000 \\
            --disable-radix-cache
        """,
      becomes: """
        system=sglang model=$model_path tensor-parallel-size=1 data-parallel-size=4 enable-expert-parallel \
        kv-cache-dtype=fp8_e4m3 gpu-memory-utilization=0.9 block-size=1 no-enable-prefix-caching
        """, idle: "--host --port --trust-remote-code --decode-log-interval"),
    Self(
      source: "sglang#17157",
      text: """
        python -m sglang.launch_server \\
            --model-path /***/Qwen3-VL-30B-A3B-Instruct \\
            --host *** \\
            --port 9596 \\
            --tp 2 \\
            --max-prefill-tokens 40960 \\
            --chunked-prefill-size 40960 \\
            --attention-backend ascend \\
            --mem-fraction-static 0.8 \\
            --mm-attention-backend ascend_attn \\
            --max-running-requests 256 \\
            --disable-radix-cache \\
            --cuda-graph-bs 40 60 80 120 160 200 256 \\
            --trust-remote-code \\
            --enable-multimodal \\
            --sampling-backend ascend \\
            --mm-enable-dp-encoder \\
            --enable-dp-attention --dp-size 2 2>&1 | tee output.log
        """,
      becomes: """
        system=sglang model=/***/Qwen3-VL-30B-A3B-Instruct tensor-parallel-size=1 max-prefill-tokens=40960 \
        max-num-batched-tokens=40960 gpu-memory-utilization=0.8 max-num-seqs=256 no-enable-prefix-caching \
        data-parallel-size=2
        """,
      idle: """
        --host --port --attention-backend --mm-attention-backend --cuda-graph-bs --trust-remote-code \
        --enable-multimodal --sampling-backend --mm-enable-dp-encoder
        """),
    Self(
      source: "SGLang documentation, a prefill server",
      text: """
        sglang serve \\
          --model-path meta-llama/Llama-3.1-8B-Instruct \\
          --disaggregation-mode prefill \\
          --disaggregation-transfer-backend mooncake
        """,
      becomes: "system=sglang model=meta-llama/Llama-3.1-8B-Instruct",
      idle: "--disaggregation-transfer-backend", unsimulated: ["--disaggregation-mode prefill"]),
    Self(
      source: "TensorRT-LLM tech blog 9, gpt-oss at its highest throughput",
      text: """
        trtllm-serve openai/gpt-oss-120b \\
          --port 8000 \\
          --backend pytorch \\
          --tp_size 8 \\
          --ep_size 8 \\
          --max_batch_size 640 \\
          --trust_remote_code \\
          --extra_llm_api_options max_throughput.yaml \\
          --kv_cache_free_gpu_memory_fraction 0.9
        """,
      becomes: """
        system=trtllm model=openai/gpt-oss-120b tensor-parallel-size=8 enable-expert-parallel max-num-seqs=640 \
        gpu-memory-utilization=0.9
        """, idle: "--port --backend --trust-remote-code",
      unsimulated: ["--extra-llm-api-options"]),
    Self(
      source: "TensorRT-LLM on Windows, within a container's shell",
      text: """
        docker run --rm -it --gpus all --ipc=host -p 8000:8000 ^
          nvcr.io/nvidia/tensorrt-llm/release:1.2.0rc0 ^
          bash -lc "trtllm-serve serve /data/engine --tokenizer /data/tokenizer --backend tensorrt --host 0.0.0.0 \
        --port 8000 --max_batch_size 1 --max_num_tokens 4096 --kv_cache_free_gpu_memory_fraction 0.7"
        """,
      becomes: """
        system=trtllm model=/data/engine max-num-seqs=1 max-num-batched-tokens=4096 gpu-memory-utilization=0.7
        """, idle: "--tokenizer --host --port", unsimulated: ["--backend tensorrt"]),
    Self(
      source: "TensorRT-LLM, started over MPI",
      text: """
        $VBIN/trtllm-llmapi-launch $VBIN/trtllm-serve serve $MODEL \\
            --backend pytorch --tp_size 16 --ep_size 16 --host 0.0.0.0 --port 8000 \\
            --max_batch_size 16 --max_num_tokens 8192 --trust_remote_code &
        """,
      becomes: """
        system=trtllm model=$MODEL tensor-parallel-size=16 enable-expert-parallel max-num-seqs=16 \
        max-num-batched-tokens=8192
        """, idle: "--backend --host --port --trust-remote-code"),
    Self(
      source: "TensorRT-LLM documentation, AutoDeploy",
      text: "trtllm-serve \\\n  meta-llama/Llama-3.1-8B-Instruct \\\n  --backend _autodeploy",
      becomes: "system=trtllm model=meta-llama/Llama-3.1-8B-Instruct",
      unsimulated: ["--backend _autodeploy"]),
  ]
}
