# Everything that is done to this project by command. `make help` lists it.

SWIFT ?= swift
KVPLAN = .build/release/kvplan
RATES ?= 0.5,1,1.5,2,3,8

.PHONY: help dependencies release mock test-mock install uninstall compare reproduce plan-example plan-tiers check-search test check format lint sanitize fuzz-fleets fuzz-readers fuzz-commands fuzz-memories bench bench-accuracy served-errors test-slurm sweep-kill same-bytes clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

dependencies: ## Install the Debian packages that the build needs, where they are missing
	@tools/install-dependencies

release: dependencies ## Build the tool for use
	$(SWIFT) build -c release --product kvplan

mock: dependencies ## Build kvplan-mock, a server with the latencies of a simulated engine
	KVPLAN_MOCK=1 $(SWIFT) build -c release --product kvplan-mock

test-mock: release mock ## A mock under load, beside what is simulated; misuse and Ctrl-C
	tools/test-mock $(KVPLAN) .build/release/kvplan-mock

PREFIX ?= /usr/local
DESTDIR ?=
# A build of its own: with Swift's libraries inside, the tool runs where there is no Swift.
STATIC = .build/static
INSTALLED = $(STATIC)/release/kvplan

install: dependencies ## Put the tool, its manual and its completion under PREFIX (default: /usr/local)
	$(SWIFT) build -c release --static-swift-stdlib --scratch-path $(STATIC) --product kvplan
	tools/install $(INSTALLED) $(DESTDIR)$(PREFIX)

uninstall: ## Remove what install has put under PREFIX
	tools/install --remove $(DESTDIR)$(PREFIX)

PAPER_SYSTEMS = vllm-sosp23,orca-oracle,orca-pow2,orca-max,fastertransformer

compare: release ## The paper's central comparison: table here, files under reports/compare/
	$(KVPLAN) compare traces/sharegpt.csv --systems $(PAPER_SYSTEMS) --model opt-13b --device a100-40gb \
	  --request-rate $(RATES) --num-prompts 7500 --first --from-second 300 --to-second 900 \
	  --output reports/compare

TRACES ?= traces

reproduce: release ## The papers that are replayed, under reports/
	$(KVPLAN) reproduce pagedattention --trace-folder $(TRACES) --output reports/pagedattention
	$(KVPLAN) reproduce vattention --output reports/vattention
	$(KVPLAN) reproduce avmp --output reports/avmp
	$(KVPLAN) reproduce sparse-prefix-caching --output reports/sparse-prefix-caching
	$(KVPLAN) reproduce jenga --output reports/jenga
	$(KVPLAN) reproduce marconi --cache-gb 2,5,20 --output reports/marconi
	$(KVPLAN) reproduce tiers --output reports/tiers
	$(KVPLAN) reproduce speculation --output reports/speculation
	$(KVPLAN) reproduce overlap --output reports/overlap
	$(KVPLAN) reproduce slo --output reports/slo
	$(KVPLAN) reproduce disaggregation --output reports/disaggregation
	$(KVPLAN) reproduce slora --output reports/slora
	$(KVPLAN) reproduce prism --output reports/prism

test: dependencies ## Build and run the tests
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build

check: test lint ## All that has to pass before a change is handed in

sanitize: dependencies ## Run the tests of kernels and memory under AddressSanitizer and under ThreadSanitizer
	ASAN_OPTIONS=detect_leaks=0 $(SWIFT) test --sanitize address --scratch-path .build/address \
	  --filter 'KernelsTests|KVMemoryTests'
	$(SWIFT) test --sanitize thread --scratch-path .build/thread --filter KernelsTests

fuzz-fleets: dependencies ## Serve 100,000 random fleets each whose replicas fail, of one role, of two, under an autoscaler: nothing is lost or served twice
	$(SWIFT) build --build-tests
	KVPLAN_FUZZ_FLEETS=100000 $(SWIFT) test --skip-build --filter FailureTests

ROUNDS ?= 26000

fuzz-readers: dependencies ## Read ROUNDS damaged files of every kind in each fuzz test of traces and of servers' results
	$(SWIFT) build --build-tests
	KVPLAN_FUZZ_ROUNDS=$(ROUNDS) $(SWIFT) test --skip-build --filter 'FormatFuzzTests|ServerInputsFuzzTests'

SEEDS ?= 2000

fuzz-memories: dependencies ## Run the memory systems of the literature against naive models, with SEEDS seeds in each fuzz test
	$(SWIFT) build --build-tests
	KVPLAN_FUZZ_SEEDS=$(SEEDS) $(SWIFT) test --skip-build --filter \
	  'Managed|VirtualPage|MemoryManagerTests|HybridPoolTests|JengaPoolTests|PageGroupsTests|Marconi|UnifiedSlots|SparsePrefix|Prism'

SEED ?= 1
FUZZ_SECONDS ?= 600

fuzz-commands: release ## Run whole commands on damaged files for FUZZ_SECONDS: no crash, no hang, no refusal without words
	tools/fuzz-commands $(KVPLAN) $(SEED) $(FUZZ_SECONDS) $(wildcard $(DATA)/reports)

lint: ## Check the format
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests

format: ## Rewrite the sources in the one format
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests

bench: release ## Measure the speed; files under reports/benchmarks/
	Benchmarks/run $(KVPLAN) reports/benchmarks

plan-example: release ## The worked example of docs/PLANNING.md, under reports/planning/
	mkdir -p reports/planning
	$(KVPLAN) trace generate azure-conv --num-prompts 10000 --output .build/azure-conv.csv
	$(KVPLAN) plan capacity .build/azure-conv.csv --model llama-3.1-70b --device h100-sxm \
	  --tensor-parallel-size 4 --slo 'ttft.p99<=3s, tpot.p99<=100ms' \
	  --output reports/planning/capacity > reports/planning/capacity.txt
	$(KVPLAN) plan fleet .build/azure-conv.csv --model llama-3.1-70b --devices h100-sxm,b200 \
	  --request-rate 20 --headroom 20% --slo 'ttft.p99<=3s, tpot.p99<=100ms' \
	  --output reports/planning/fleet > reports/planning/fleet.txt

plan-tiers: release ## What tiers buy, of docs/PLANNING.md, under reports/planning/tiers/
	$(KVPLAN) trace generate azure-conv --turns 6 --turn-gap 120 --num-prompts 4000 --request-rate 0.5 \
	  --output .build/chats70.csv
	$(KVPLAN) sweep run reports/planning/tiers/tiers.yaml
	$(KVPLAN) sweep merge reports/planning/tiers/tiers.yaml
	cp .build/tiers/figures/curve-ttft.svg .build/tiers/figures/curve-p99-ttft-ms.svg reports/planning/tiers

check-search: release ## Compare recommendations of `plan fleet` with those of an exhaustive search, on drawn problems
	tools/check-joint-search $(KVPLAN)

DATA ?= ../shared/data

bench-accuracy: release ## Hold the predictions against measured serving; files under reports/accuracy/
	$(KVPLAN) validate points $(DATA)/measured/serving_points_dev.csv --format csv \
	  > reports/accuracy/points.csv
	$(KVPLAN) validate points $(DATA)/measured/serving_points_dev.csv | tail -16
	for run in "Llama-3.1-8B llama-3.1-8b 1" "Qwen3-32B qwen3-32b 2"; do set -- $$run; \
	  $(KVPLAN) validate requests \
	    $(DATA)/measured/llmservingsim/RTXPRO6000_$$1_requests.csv.gz --model $$2 \
	    --device rtx-pro-6000 --tensor-parallel-size $$3 --max-num-seqs 128 \
	    --max-num-batched-tokens 2048 --max-model-len 8192 --gpu-memory-utilization 0.9 \
	    --format csv > reports/accuracy/requests-$$2.csv || exit 1; done

DATE ?= $(shell date +%F)
SERVED_ERRORS := Sources/CProfiles/profiles/served-errors.tsv

served-errors: release ## The table of served latencies' errors that every answer quotes; needs $(DATA)
	$(KVPLAN) validate errors $(DATA)/measured/serving_points_dev.csv --fitted --date $(DATE) > $(SERVED_ERRORS).new
	$(KVPLAN) validate errors $(DATA)/measured/serving_points_moe_dev.csv --fitted --date $(DATE) | tail -n +2 \
	  >> $(SERVED_ERRORS).new
	mv $(SERVED_ERRORS).new $(SERVED_ERRORS)
	touch Sources/CProfiles/profiles.c

test-slurm: release ## A sweep on a real Slurm of four virtual nodes, with failures; as root
	tools/test-slurm $(KVPLAN)

KILLS ?= 50

sweep-kill: release ## kill -9 a sweep at random moments, resume it, compare the bytes
	tools/sweep-kill $(KVPLAN) $(KILLS)

NEW ?= $(KVPLAN)

same-bytes: $(if $(filter $(KVPLAN),$(NEW)),release) ## Compare what two builds print and write, byte by byte: make same-bytes OLD=path [NEW=path]
	tools/same-bytes $(or $(OLD),$(error give the older build: make same-bytes OLD=path)) $(NEW)

clean: ## Remove what was built
	rm -rf .build
