"""The diffusion transformer that Wan and pleinair-1 share, and all that drawing with it takes."""
