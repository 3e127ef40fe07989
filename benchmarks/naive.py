"""The g1 sweep as a plain script: load, merge, generate and score, one alpha at a time.

python naive.py RESULTS THREADS ALPHA... prints the values of Figure 3 for each alpha.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

sys.path.append(str(Path(__file__).resolve().parent.parent / "workflow" / "scripts"))
from paramlerp.measure.tagging import Tagger, first_word

results, threads, alphas = Path(sys.argv[1]), int(sys.argv[2]), map(float, sys.argv[3:])
checkpoints = results / "checkpoints"
torch.set_num_threads(threads)
torch.manual_seed(1)
lines = (results / "prompts" / "neutral.jsonl").read_text().splitlines()
prompts = [json.loads(line)["prompt"] for line in lines]
for alpha in alphas:
    positive, negative, base = (
        AutoModelForCausalLM.from_pretrained(checkpoints / d, dtype=torch.float32).eval()
        for d in ("positive", "negative", "base")
    )
    tokenizer = AutoTokenizer.from_pretrained(checkpoints / "base")
    scorer = checkpoints / "sentiment_judge"
    classifier = AutoModelForSequenceClassification.from_pretrained(scorer)
    classifier_tokenizer = AutoTokenizer.from_pretrained(scorer)
    tagger = Tagger(results / "sources" / "tagger", threads)
    other = negative.state_dict()
    mixed = {k: alpha * v + (1 - alpha) * other[k] for k, v in positive.state_dict().items()}
    positive.load_state_dict(mixed)
    eos = tokenizer.eos_token
    sentiment = grammar = graded = nll = tokens = count = 0
    with torch.inference_mode():
        for prompt in prompts:
            ids = tokenizer(eos + prompt, return_tensors="pt", add_special_tokens=False)
            out = positive.generate(
                input_ids=ids["input_ids"],
                attention_mask=ids["attention_mask"],
                do_sample=True,
                top_p=0.9,
                top_k=0,
                max_new_tokens=30,
                num_return_sequences=4,
                pad_token_id=tokenizer.eos_token_id,
            )
            for row in out:
                text = tokenizer.decode(row, skip_special_tokens=True)
                p = classifier(**classifier_tokenizer(text, return_tensors="pt")).logits.softmax(-1)
                sentiment += float(p[0, 1])
                start = first_word(prompt, text[len(prompt) :])
                (score,) = tagger.acceptability([text], [start])
                if score == score:  # NaN: a continuation without words
                    grammar += float(score)
                    graded += 1
                full = tokenizer(eos + text, return_tensors="pt", add_special_tokens=False)
                logits = base(input_ids=full["input_ids"]).logits[0, :-1]
                token_nll = torch.nn.functional.cross_entropy(
                    logits, full["input_ids"][0, 1:], reduction="none"
                )[ids["input_ids"].shape[1] - 1 :]
                nll += float(token_nll.sum())
                tokens += len(token_nll)
                count += 1
    perplexity = float(torch.tensor(nll / tokens).exp())
    print(alpha, sentiment / count, grammar / graded, perplexity, flush=True)
