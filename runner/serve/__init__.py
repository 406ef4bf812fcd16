"""`voxblocks serve`: a graph that speaks, behind HTTP.

`speaker` says rows, many at once; `app` is the web side and knows nothing of Ray; `replicas` puts both on Ray Serve.
"""
