"""The parts of the page that do not draw it; none of them imports Gradio."""
