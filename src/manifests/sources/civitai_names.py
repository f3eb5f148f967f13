"""Hold the names that CivitAI knows: types, base models, orders and periods.

As of August 2026; `GET /api/v1/enums` lists those of today. A retired base model can still be
asked for, so none is ever taken from this list.
"""

from __future__ import annotations

__all__ = ["BASE_MODELS", "BLOCKED", "MODEL_TYPES", "PERIODS", "SORTS"]

BLOCKED = 32
"""The bit of a level that no one may see."""

SORTS = frozenset(
    {
        "Highest Rated",
        "Most Collected",
        "Most Discussed",
        "Most Downloaded",
        "Most Images",
        "Most Liked",
        "Newest",
        "Oldest",
    }
)

PERIODS = frozenset({"AllTime", "Year", "Month", "Week", "Day"})

MODEL_TYPES = frozenset(
    {
        *("AestheticGradient", "CLIP", "CLIPVision", "Checkpoint", "ComfyWorkflows"),
        *("Controlnet", "Detection", "DoRA", "Hypernetwork", "LLM", "LORA", "LoCon"),
        *("MotionModule", "Other", "Poses", "TextEncoder", "TextualInversion", "UNet"),
        *("Upscaler", "VAE", "VisionLanguage", "Wildcards", "Workflows"),
    }
)

BASE_MODELS = frozenset(
    {
        *("SD 1.4", "SD 1.5", "SD 1.5 LCM", "SD 1.5 Hyper"),
        *("SD 2.0", "SD 2.0 768", "SD 2.1", "SD 2.1 768", "SD 2.1 Unclip"),
        *("SD 3", "SD 3.5", "SD 3.5 Large", "SD 3.5 Large Turbo", "SD 3.5 Medium"),
        *("SDXL 0.9", "SDXL 1.0", "SDXL 1.0 LCM", "SDXL Distilled", "SDXL Hyper"),
        *("SDXL Lightning", "SDXL Turbo", "Stable Cascade", "SVD", "SVD XT"),
        *("Pony", "Pony V7", "Illustrious", "NoobAI", "Anima", "AuraFlow", "Chroma"),
        *("Flux.1 D", "Flux.1 S", "Flux.1 Krea", "Flux.1 Kontext", "Flux.2 D", "Flux 3 Video"),
        *("Flux.2 Klein 4B", "Flux.2 Klein 4B-base", "Flux.2 Klein 9B", "Flux.2 Klein 9B-base"),
        *("Hunyuan 1", "Hunyuan Video", "HiDream", "HiDream-O1", "HappyHorse"),
        *("Wan Video", "Wan Video 1.3B t2v", "Wan Video 14B t2v", "Wan Video 14B i2v 480p"),
        *("Wan Video 14B i2v 720p", "Wan Video 2.2 TI2V-5B", "Wan Video 2.2 I2V-A14B"),
        *("Wan Video 2.2 T2V-A14B", "Wan Video 2.5 T2V", "Wan Video 2.5 I2V"),
        *("Wan Video 2.7", "Wan Image 2.7", "Wan Video 3.0"),
        *("Qwen", "Qwen 2", "Qwen 2.1", "Qwen 3", "ZImageTurbo", "ZImageBase"),
        *("LTXV", "LTXV2", "LTXV 2.3", "LTXV 2.5", "CogVideoX", "Mochi", "Lumina", "Kolors"),
        *("PixArt a", "PixArt E", "Playground v2", "ODOR", "Lens", "Krea 2", "MAI", "MageFlow"),
        *("Ideogram 4.0", "Boogu", "Ernie", "Grok", "Imagen4", "Nano Banana", "Veo 3"),
        *("OpenAI", "Sora 2", "Seedream", "Seedance", "Seedance 2", "Kling", "Vidu Q1"),
        *("ACE Audio", "Upscaler", "Other"),
    }
)
