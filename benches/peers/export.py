"""Writes the model as ONNX, once: f32 with fused operators, and int8 by dynamic quantisation."""

import os
import sys

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModel


def main():
    model, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    plain, fused, int8 = (os.path.join(folder, name + ".onnx") for name in ("plain", "f32", "int8"))
    encoder = AutoModel.from_pretrained(
        model, local_files_only=True, attn_implementation="eager"
    ).eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = tuple(torch.ones(2, 16, dtype=torch.long) for _ in names)
    batch, tokens = torch.export.Dim("batch", min=1, max=4096), torch.export.Dim("tokens", min=2, max=512)
    axes = {name: {0: batch, 1: tokens} for name in names}

    class Hidden(torch.nn.Module):
        def forward(self, input_ids, attention_mask, token_type_ids):
            return encoder(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            ).last_hidden_state

    torch.onnx.export(
        Hidden().eval(), example, plain, input_names=names, output_names=["last_hidden_state"],
        dynamic_shapes=axes, dynamo=True, external_data=False, verbose=False,
    )
    from onnxruntime.transformers.optimizer import optimize_model

    optimised = optimize_model(plain, model_type="bert", num_heads=12, hidden_size=384)
    print("fused operators:", optimised.get_fused_operator_statistics(), file=sys.stderr)
    optimised.save_model_to_file(fused)
    # Seven bits and a scale for each channel: with eight, processors without VNNI overflow, and the quality is gone.
    quantize_dynamic(fused, int8, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
    os.remove(plain)


main()
